// Package chartanalytics draws time series as SVG or PNG, with marks of
// anomalies and alerts.
//
//	lines := chartanalytics.Lines(buckets, func(b *analytics.Bucket) float64 { return b.Mean })
//	chart := chartanalytics.Chart{Title: "pump-1", Lines: lines, Zone: berlin}
//	err := chartanalytics.Render(w, chartanalytics.SVG, chart)
//
// It knows no store and no tenant: it draws what it is given. Texts may come
// from devices: they are escaped in SVG, and control characters are removed.
package chartanalytics
