// Package fileanalytics is an analytics.Store, and analytics.Objects, in folders
// of one machine.
//
//	store, err := fileanalytics.Open("data/analytics", cursorKeys)
//	defer store.Close()
//	go store.Run(ctx)
//
// # Files of a store
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
//
// # Objects
//
// [NewFolder] keeps objects, each in a file of its own, in the folder of a store
// or in another:
//
//	links, err := fileanalytics.NewLinks("https://api.example.com/files", key)
//	objects := fileanalytics.NewFolder("data/analytics", func(o *fileanalytics.FolderOptions) {
//		o.Link = links.Link
//	})
//	mux.Handle("/files/", links.Handler(objects))
//
// An object is written under another name, made durable by an fsync of the file,
// gets its name by rename(2), or by link(2) if it must not replace another, and
// is acknowledged after an fsync of the directory. So it is there whole or not
// at all, and several processes may use a folder. The first object of a
// directory costs an fsync of each directory above that is new.
//
// A list reads the directories that it needs, each as a whole: keep what is
// listed often in directories of some thousand objects.
//
// [Links] are to a folder what presigned URLs are to a bucket of S3.
package fileanalytics
