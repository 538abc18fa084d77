// Package duckanalytics is an analytics.Engine by DuckDB.
package duckanalytics
