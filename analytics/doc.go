// Package analytics keeps what devices send and answers questions about it.
//
// # Messages
//
// A [Message] is kept byte by byte, as the thing sent it: the raw messages are
// an archive that can be processed again. What a pipeline makes of a message is
// kept as well, under the name of a data store, see [Message].Datastore.
//
//	store, err := fileanalytics.Open("data", cursorKeys)
//	outcomes, err := store.Append(ctx, id, []analytics.Message{analytics.FromDevice(message)})
//
// A nil error means that the messages are durable, so it is the moment to
// acknowledge them to the device. Sent again after a crash, a message with an
// id is a [Duplicate] and is kept once; [Window] says for how long.
//
// # Points
//
// The numbers in a JSON payload are points, [Message.Points] says which and at
// what time. They are what charts and rules ask for:
//
//	query := analytics.Query{
//		Things:  []device.ID{pump},
//		Metrics: []string{"temperature"},
//		From:    time.Now().Add(-time.Hour),
//	}
//	for point, err := range analytics.AllPoints(ctx, store, id, query) {
//		…
//	}
//
// A list is pages underneath, with a cursor that can be given to clients:
// [Store].Points and [Store].Messages. [Store].Last has the latest value of
// each metric at hand.
//
// # Aggregates
//
// [Aggregates] computes statistics by hour, day in a time zone, thing, site
// and metric, and fills gaps; [Downsampled] chooses the points that a chart
// needs. Both read the points of one tenant as a stream, in bounded memory.
//
//	query := analytics.AggregateQuery{
//		Query:    analytics.Query{Metrics: []string{"temperature"}, From: monday},
//		Interval: analytics.Interval{Unit: analytics.Day, Zone: berlin},
//	}
//	for bucket, err := range analytics.Aggregates(ctx, store, id, query) {
//		…
//	}
//
// # Windows
//
// [Windows] computes the same statistics of messages as they come, in tumbling,
// sliding or session windows, with a rule for what comes late. Its state can be
// kept between invocations of a Lambda.
//
//	windows, err := analytics.NewWindows(analytics.Tumbling(analytics.Interval{Every: time.Minute}))
//	result, err := windows.Add(id, message)
//	for _, window := range result.Closed {
//		…
//	}
//
// # Backends
//
//   - [github.com/iotenant/iotenant/analytics/fileanalytics]: a folder.
//   - [github.com/iotenant/iotenant/analytics/memanalytics]: memory, for unit
//     tests.
//
// Package analyticstest checks any other, and package analyticsmock holds
// generated mocks.
package analytics

//go:generate go tool -modfile=../tools/go.mod mockgen -source=store.go -destination=analyticsmock/store.go -package=analyticsmock -write_source_comment=false -write_package_comment=false
//go:generate go tool -modfile=../tools/go.mod mockgen -source=objects.go -destination=analyticsmock/objects.go -package=analyticsmock -write_source_comment=false -write_package_comment=false
//go:generate go tool -modfile=../tools/go.mod mockgen -source=lake.go -destination=analyticsmock/lake.go -package=analyticsmock -write_source_comment=false -write_package_comment=false
//go:generate go tool -modfile=../tools/go.mod mockgen -source=sql.go -destination=analyticsmock/sql.go -package=analyticsmock -write_source_comment=false -write_package_comment=false
//go:generate go tool -modfile=../tools/go.mod mockgen -source=columnscan.go -destination=analyticsmock/columnscan.go -package=analyticsmock -write_source_comment=false -write_package_comment=false
