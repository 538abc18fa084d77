// Package lakeanalytics is an analytics.Lake of JSON and Parquet files.
package lakeanalytics
