// Package fileanalytics is an analytics.Store in a folder of one machine.
//
//	store, err := fileanalytics.Open("data/analytics", cursorKeys)
//	defer store.Close()
//	go store.Run(ctx)
//
// # Files
//
// An append goes to a journal that all tenants share: appends that come
// together are made durable by one fsync, whoever they belong to. From memory
// they are visible at once. When the journal is full ([Options].JournalSize),
// its messages move to segments, one file for each tenant and day of receipt
// (UTC), ordered by thing with a sparse index, and the journal is removed. What
// one thing sent is read without reading what others sent.
//
// All records are checksummed (CRC-32C). After a crash, [Open] removes the torn
// end of what was being written, of which nothing had been acknowledged. Damage
// anywhere else is analytics.ErrCorrupt and names file and byte; the rest stays
// readable.
//
// # Memory
//
// In memory are the messages of the journal; for each thing and data store the
// last values, at most analytics.MaxLast, and the latest message ids, at least
// analytics.Window, about 30 bytes each; and 80 bytes for each segment of the
// tenants in use. While all together have less than 2,097,152 message ids, a
// thing may have up to 32,768. A query holds about two pages and one open file,
// however much there is.
//
// # Retention
//
// [Store.Sweep] deletes what is out of retention; [Store.Run] calls it every
// hour.
//
// # Locking
//
// The folder is locked with flock(2) against a second store. On systems
// without it, such as Windows, nothing guards against that.
package fileanalytics
