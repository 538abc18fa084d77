// Package lakeanalytics is an analytics.Lake of JSON and Parquet files.
//
// It keeps channels and data stores of tenants in any analytics.Objects: a
// folder, a bucket of S3. There is no server, and no limit to the processes
// that use the same objects.
//
//	lake := lakeanalytics.New(fileanalytics.NewFolder("data"), cursorKeys)
//	err := lake.Declare(ctx, id, analytics.Table{TableID: raw, RetentionDays: 90})
//	outcomes, err := lake.Append(ctx, id, raw, rows)
//
// # Files
//
// Rows lie in immutable files, one or more for each day and partition:
//
//	channel/raw/__dt=2026-03-01/1772323200000_1772323230000_6f2c9d1ab03e4571_8.json.gz
//	datastore/clean/__dt=2026-03-01/__partition_site=north/1772323200000_1772323230000_6f2c9d1ab03e4571_9.parquet
//
// Other engines can read them: the folders are those of Hive, channels and data
// stores of JSON are lines of JSON behind gzip. Which files count, the log of
// the table says; [Lake.Snapshot] lists them.
//
// # Exactly once
//
// An append is a commit to the log of its table, an object that is created as
// the successor of the one before. The log remembers the ids of the latest
// rows. So whatever dies, sleeps or loses an answer in between: an append is
// there as a whole or not at all, and sent again it is a duplicate. Options.Window
// is for how long.
//
// # Sweeping
//
// [Lake.Sweep] merges small files, deletes what is out of retention and what
// crashes left behind. [Lake.Run] does so for all tenants. Without it
// everything works, ever slower. It may run in any number of processes.
//
// # Parquet
//
// [ParquetWriter] writes what comes out of a pipeline, with or without a lake.
// Values go from JSON into typed columns: those that repeat into dictionaries,
// integers as differences, all through zstd where that is a gain. Row groups have
// the least and the greatest value of each column.
//
// # Columns
//
// [Lake.ScanColumns] reads columns back, from Parquet or from lines of JSON: of
// the files, and the parts of them, that a time selects. The typed queries of
// package analytics make hours, days and groups of them, without SQL.
package lakeanalytics
