// Package lakeanalytics is an analytics.Lake of JSON and Parquet files.
package lakeanalytics

import _ "github.com/parquet-go/parquet-go"
