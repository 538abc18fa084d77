package fileanalytics_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "analytics")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	id, pump := tenant.MustParseID("acme"), device.MustParseID("pump-1")

	store, err := fileanalytics.Open(dir, tenant.RandomCursorKeys(), func(o *fileanalytics.Options) {
		o.RetentionDays = 30
	})
	if err != nil {
		panic(err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i, temperature := range []float64{21.5, 22, 35.5} {
		_, err := store.Append(ctx, id, []analytics.Message{{
			Thing:   pump,
			ID:      fmt.Sprintf("m-%d", i),
			At:      at.Add(time.Duration(i) * time.Minute),
			Payload: fmt.Appendf(nil, `{"temperature": %g}`, temperature),
		}})
		fmt.Println("appended:", err)
	}
	fmt.Println("closed:", store.Close())

	// Everything is there after a restart.
	store, err = fileanalytics.Open(dir, tenant.RandomCursorKeys())
	if err != nil {
		panic(err)
	}
	defer store.Close()
	last, err := store.Last(ctx, id, "", pump)
	fmt.Println(last[0].Metric, last[0].Value, last[0].Time.Format(time.TimeOnly), err)
	query := analytics.Query{Things: []device.ID{pump}, From: at.Add(time.Minute)}
	for point, err := range analytics.AllPoints(ctx, store, id, query) {
		fmt.Println(point.Time.Format(time.TimeOnly), point.Value, err)
	}
	// Output:
	// appended: <nil>
	// appended: <nil>
	// appended: <nil>
	// closed: <nil>
	// temperature 35.5 12:02:00 <nil>
	// 12:01:00 22 <nil>
	// 12:02:00 35.5 <nil>
}

func ExampleNewFolder() {
	dir, err := os.MkdirTemp("", "objects")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	id := tenant.MustParseID("acme")

	objects := fileanalytics.NewFolder(dir)
	for range 2 {
		err := objects.Create(ctx, id, "log/00000000000000000001", strings.NewReader(`{"add": "part-0"}`))
		fmt.Println("created:", err)
	}
	list, err := objects.List(ctx, id, "log/", "", 10)
	fmt.Println(list[0].Name, list[0].Size, err)
	// Output:
	// created: <nil>
	// created: fileanalytics: create: analytics: object already exists
	// log/00000000000000000001 17 <nil>
}

func ExampleNewLinks() {
	dir, err := os.MkdirTemp("", "objects")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	id := tenant.MustParseID("acme")
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()

	key := []byte("32 random bytes, from your vault")
	links, err := fileanalytics.NewLinks(server.URL+"/files", key)
	if err != nil {
		panic(err)
	}
	objects := fileanalytics.NewFolder(dir, func(o *fileanalytics.FolderOptions) { o.Link = links.Link })
	mux.Handle("/files/", links.Handler(objects))

	if err := objects.Put(ctx, id, "contents/daily.csv", strings.NewReader("site,max\nnorth,21.5\n")); err != nil {
		panic(err)
	}
	link, err := objects.Link(ctx, id, "contents/daily.csv", time.Hour)
	if err != nil {
		panic(err)
	}
	for _, url := range []string{link, strings.Replace(link, "acme", "globex", 1)} {
		response, err := http.Get(url)
		if err != nil {
			panic(err)
		}
		body, err := io.ReadAll(response.Body)
		fmt.Printf("%s: %q %v\n", response.Status, body, err)
		response.Body.Close()
	}
	// Output:
	// 200 OK: "site,max\nnorth,21.5\n" <nil>
	// 403 Forbidden: "forbidden\n" <nil>
}
