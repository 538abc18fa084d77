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
// # Columns
//
// The same is there for the data stores of a [Lake], wherever its files are, in
// JSON or Parquet: [AggregateColumns], [DownsampleColumns], and [LastColumns],
// the last values. They read the columns that a query names, of the files that
// its time selects; groups are those of the thing, or of any columns.
//
//	query := analytics.ColumnQuery{
//		ColumnScan: analytics.ColumnScan{
//			Datastore: "readings", By: []string{"site", analytics.ByThing}, Values: []string{"temperature"}, From: monday,
//		},
//		Interval: analytics.Interval{Every: time.Hour},
//		Fill:     analytics.FillLinear,
//	}
//	for bucket, err := range analytics.AggregateColumns(ctx, lake, id, query) {
//		…
//	}
//
// # Windows
//
// [Windows] computes the same statistics of messages as they come, in tumbling,
// sliding or session windows, with a rule for what comes late.
//
//	windows, err := analytics.NewWindows(analytics.Tumbling(analytics.Interval{Every: time.Minute}))
//	result, err := windows.Add(id, message)
//	for _, window := range result.Closed {
//		…
//	}
//
// # Roll-ups
//
// [Rollups] keeps such windows in a repository, so that a restart does not begin
// them anew, a message that comes again counts once, and several processes can
// work on them. Windows that are closed go to a [WindowSink]: a data store or
// channel ([IntoDatastore], [IntoChannel]), which keeps each once, or an input of
// rules and detector models ([IntoInput]).
//
//	rollups, err := analytics.NewRollups(bolttenant.NewRepository(store, &analytics.RollupSchema), []analytics.Rollup{{
//		Name:  "minutes",
//		Shape: analytics.Tumbling(analytics.Interval{Every: time.Minute}),
//		Into:  analytics.IntoDatastore(ingest, "minutes"),
//	}}, func(o *analytics.RollupsOptions) { o.Tenants = directory.Active })
//	go rollups.Run(ctx) // or rollups.Sweep(ctx, id) on a schedule: the clock closes windows of silent things
//	added, err := rollups.Add(ctx, id, messages)
//
// # Data sets
//
// [Datasets] makes the contents of data sets as AWS IoT Analytics did: by
// schedule, when asked to, or after another data set; over the windows of a
// deltaTime filter, which follow on each other without gap or overlap; and
// delivers them. Several processes may do so over the same repositories.
//
//	datasets := analytics.NewDatasets(definitions, contents, states, objects, engine)
//	go datasets.Run(ctx) // or datasets.Sweep(ctx, id) on a schedule
//	content, err := datasets.Content(ctx, id, "hourly", analytics.LatestSucceeded)
//
// # Channels, pipelines and data stores
//
// [Definitions] holds the channels, pipelines, data stores and data sets of each
// tenant: the JSON of AWS IoT Analytics, checked and versioned. [Ingest] takes
// messages for a channel, keeps them there byte by byte in a [Lake], sends them
// through every pipeline that reads it, and appends what comes out to the data
// stores. A nil error means that all of that is durable; sent again, a message
// with an id is there once.
//
//	definitions := analytics.NewDefinitions(bolttenant.NewRepository(store, &analytics.DefinitionSchema), lake)
//	_, err := definitions.Put(ctx, id, definition)
//	ingest := analytics.NewIngest(definitions, lake)
//	err = ingest.Put(ctx, id, "raw", []analytics.Row{analytics.RowOf(&message)})
//
// Functions, the registry and shadows that pipelines call are bound to the
// tenant by [Environments]. A function that fails, hangs or panics stops
// neither its pipeline, nor another one, nor another tenant:
// IngestOptions.Notify is told of its messages, which are in the channel.
//
// [Reprocessings] sends what a channel has through a pipeline again: added to
// what the data store has, or, better than the service, in place of it, day by
// day and in one step. It goes on after a crash where it was. [NewDataPlane]
// serves clients of the old service.
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
//go:generate go tool -modfile=../tools/go.mod mockgen -source=ingester.go -destination=analyticsmock/ingester.go -package=analyticsmock -write_source_comment=false -write_package_comment=false
//go:generate go tool -modfile=../tools/go.mod mockgen -source=datasetcontents.go -destination=analyticsmock/datasetcontents.go -package=analyticsmock -write_source_comment=false -write_package_comment=false
//go:generate go tool -modfile=../tools/go.mod mockgen -source=environment.go -destination=analyticsmock/environment.go -package=analyticsmock -write_source_comment=false -write_package_comment=false
//go:generate go tool -modfile=../tools/go.mod mockgen -source=deliverinputs.go -destination=analyticsmock/deliverinputs.go -package=analyticsmock -write_source_comment=false -write_package_comment=false
//go:generate go tool -modfile=../tools/go.mod mockgen -source=deliverer.go -destination=analyticsmock/deliverer.go -package=analyticsmock -write_source_comment=false -write_package_comment=false
//go:generate go tool -modfile=../tools/go.mod mockgen -source=latedata.go -destination=analyticsmock/latedata.go -package=analyticsmock -write_source_comment=false -write_package_comment=false
//go:generate go tool -modfile=../tools/go.mod mockgen -source=datasetdefinitions.go -destination=analyticsmock/datasetdefinitions.go -package=analyticsmock -write_source_comment=false -write_package_comment=false
//go:generate go tool -modfile=../tools/go.mod mockgen -source=columnscan.go -destination=analyticsmock/columnscan.go -package=analyticsmock -write_source_comment=false -write_package_comment=false
