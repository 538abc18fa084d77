package pipeline

// Channel is a loaded definition of a channel.
type Channel struct {
	Name string
	// RetentionDays is how long raw messages are kept; 0 means for ever.
	RetentionDays int
}

// Format is how the messages of a data store are kept.
type Format string

// The formats of data stores.
const (
	FormatJSON    Format = "json"
	FormatParquet Format = "parquet"
)

// Datastore is a loaded definition of a data store.
type Datastore struct {
	Name string
	// RetentionDays is how long messages are kept; 0 means for ever.
	RetentionDays int
	Format        Format
	// Columns are those of Parquet.
	Columns    []Column
	Partitions []Partition
}

// Column is a column of Parquet.
type Column struct {
	Name string
	// Type is written as in AWS Glue: tinyint, smallint, int, bigint, boolean,
	// double, float, string, timestamp, date, binary, decimal(p,s), char(n),
	// varchar(n), array<t>, map<k,v> or struct<name:t,…>, see
	// [ParseColumnType].
	Type string
}

// Partition is a dimension by which the messages of a data store are kept
// apart.
type Partition struct {
	// Attribute is the attribute that tells the value.
	Attribute string
	// Timestamp: the attribute is a time, which makes the dimensions __year,
	// __month, __day and __hour. Else it makes __partition_ and its name.
	Timestamp bool
	// TimestampFormat is a pattern of Java's DateTimeFormatter. Empty: the
	// attribute is Unix time in seconds.
	TimestampFormat string
}

// Dataset is a loaded definition of a data set.
type Dataset struct {
	Name string
	// SQL is the statement of its query action.
	SQL string
	// Delta is its deltaTime filter, nil if there is none.
	Delta *DeltaTime
	// Schedules are the expressions of its triggers: cron(…) or rate(…).
	Schedules []string
	// After is the data set whose content triggers it, empty if there is none.
	After string
	// Container is its container action, nil if it has a query action.
	Container  *Container
	Deliveries []Delivery
	LateRules  []LateRule
	// RetentionDays is how long contents are kept; 0 means for ever.
	RetentionDays int
	// Versions is how many contents are kept: 0 means the latest and the latest
	// that succeeded, a negative number all.
	Versions int
}

// DeltaTime selects the rows of a window of time.
type DeltaTime struct {
	OffsetSeconds  int
	TimeExpression string
}

// Container is the action of a container data set.
type Container struct {
	Image     string
	Variables []Variable
}

// Variable is a parameter of a container. One of its values is set.
type Variable struct {
	Name       string
	String     *string
	Double     *float64
	Dataset    string // whose latest content is the value
	OutputFile string
}

// Delivery is where contents go.
type Delivery struct {
	EntryName string
	// Bucket and Key are those of an S3 destination; Key may hold
	// !{iotanalytics:scheduleTime}, creationTime and versionId.
	Bucket, Key string
	// Input is that of an AWS IoT Events destination.
	Input string
}

// LateRule tells of rows that came after the content of their window.
type LateRule struct {
	Name           string
	TimeoutMinutes int
}
