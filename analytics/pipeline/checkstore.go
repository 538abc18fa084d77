package pipeline

import (
	"strings"
)

// Limits of data stores.
const (
	maxColumns         = 100
	maxPartitions      = 25
	maxTimestampFormat = 50
)

// store reads the definition of a data store.
func (l *loader) store(o *object) {
	managed := false
	if storage := o.object("datastoreStorage", "storage"); storage != nil {
		name, child := storage.one("storage", "serviceManagedS3", "customerManagedS3", "iotSiteWiseMultiLayerStorage")
		managed = name == "customerManagedS3"
		switch {
		case child == nil:
		case name == "iotSiteWiseMultiLayerStorage":
			if inner := child.object("customerManagedS3Storage"); inner != nil {
				l.bucket(inner, true, false)
			} else {
				child.fail(child.at("customerManagedS3Storage"), "customerManagedS3Storage is required")
			}
			child.end()
		default:
			l.bucket(child, managed, true)
		}
		storage.end()
	}
	l.datastore.RetentionDays = l.retention(o, managed)
	l.datastore.Format = FormatJSON
	if format := o.object("fileFormatConfiguration"); format != nil {
		name, child := format.one("file format", "jsonConfiguration", "parquetConfiguration")
		switch {
		case child == nil:
		case name == "parquetConfiguration":
			l.datastore.Format = FormatParquet
			l.parquet(child)
		default:
			child.end()
		}
		format.end()
	}
	if partitions := o.object("datastorePartitions"); partitions != nil {
		l.partitions(partitions)
		partitions.end()
	}
	o.ignore("fileFormatType")
}

// parquet reads the schema of a Parquet store.
func (l *loader) parquet(o *object) {
	schema := o.object("schemaDefinition")
	if schema == nil {
		if !o.has("schemaDefinition") && !l.semantics().SchemalessParquet {
			o.fail(o.path, "Parquet needs a schema: schemaDefinition is required")
		}
		o.end()
		return
	}
	columns := schema.objects(1, maxColumns, "columns")
	if !schema.has("columns") {
		schema.fail(schema.at("columns"), "columns is required")
	}
	seen := map[string]bool{}
	for _, column := range columns {
		name := column.required("name")
		if name != "" {
			if err := CheckFieldName(name); err != nil {
				column.fail(column.at("name"), "%q: %s", name, err)
			}
			if lower := strings.ToLower(name); seen[lower] {
				column.fail(column.at("name"), "there is another column %q", name)
			} else {
				seen[lower] = true
			}
		}
		text := column.limited(maxColumnType, "type")
		if text != "" {
			if _, integer, err := readColumnType(text); err != nil {
				column.fail(column.at("type"), "%q: %s", text, err)
			} else if integer {
				column.quota(column.at("type"), "%q: a column is an int; integer is for queries", text)
			}
		}
		column.end()
		l.datastore.Columns = append(l.datastore.Columns, Column{Name: name, Type: text})
	}
	schema.end()
	o.end()
}

// partitions reads the partitions of a data store.
func (l *loader) partitions(o *object) {
	timestamps := 0
	seen := map[string]bool{}
	for _, partition := range o.objects(0, maxPartitions, "partitions") {
		var read Partition
		if partition.has("partition") && !partition.exact {
			if child := partition.object("partition"); child != nil {
				read.Attribute = l.partition(child, seen) // as CloudFormation calls it
			}
		} else {
			name, child := partition.one("partition", "attributePartition", "timestampPartition")
			if read.Timestamp = name == "timestampPartition"; read.Timestamp {
				timestamps++
			}
			if child != nil {
				if read.Timestamp {
					read.TimestampFormat = l.timestampFormat(child)
				}
				read.Attribute = l.partition(child, seen)
			}
		}
		partition.end()
		l.datastore.Partitions = append(l.datastore.Partitions, read)
	}
	if timestamps > 1 {
		o.fail(o.at("partitions"), "%d timestamp partitions, want at most one", timestamps)
	}
}

// partition reads the attribute of a partition.
func (l *loader) partition(o *object, seen map[string]bool) (attribute string) {
	attribute = o.resource("attributeName")
	if lower := strings.ToLower(attribute); attribute != "" && seen[lower] {
		o.fail(o.at("attributeName"), "there is another partition by %q", attribute)
	} else {
		seen[lower] = true
	}
	o.end()
	return attribute
}

func (l *loader) timestampFormat(o *object) string {
	format := o.text("timestampFormat")
	o.limit(o.at("timestampFormat"), format, 1, maxTimestampFormat)
	if strings.IndexFunc(format, outside(" \t\n\r[]_,.'/:-")) >= 0 {
		o.quota(o.at("timestampFormat"), "%q: want letters, digits, blanks and []_,.'/:-", format)
	}
	return format
}
