package fileanalytics

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"path"
	"time"

	"github.com/iotenant/iotenant/analytics"
)

// Handler serves the links to objects, whatever keeps them. It expects the path
// that links have, so it is mounted without http.StripPrefix:
//
//	mux.Handle("/files/", links.Handler(objects))
//
// It answers GET and HEAD, also of ranges, with the object as an attachment that
// no cache keeps; 403 for links that are forged or have expired, 404 for objects
// that are gone, and 503 if objects fail. It lists nothing, and asks nobody who
// they are.
func (l *Links) Handler(objects analytics.Objects) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		id, name, err := l.parse(r.URL)
		if err != nil {
			refuse(w, err)
			return
		}
		object, err := objects.Open(r.Context(), id, name)
		if err != nil {
			l.fail(w, r, err)
			return
		}
		defer object.Close()
		describe(w.Header(), name)
		http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(object, 0, object.Size()))
	})
}

func refuse(w http.ResponseWriter, err error) {
	if errors.Is(err, errExpired) {
		http.Error(w, "link has expired", http.StatusForbidden)
		return
	}
	http.Error(w, "forbidden", http.StatusForbidden)
}

func (l *Links) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, analytics.ErrNoObject) {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	l.options.Logger.ErrorContext(r.Context(), "fileanalytics: link not served", "error", err)
	http.Error(w, "unavailable", http.StatusServiceUnavailable)
}

// describe says what an object is, and that no browser may show or run what a
// tenant has stored.
func describe(header http.Header, name string) {
	file := path.Base(name)
	header.Set("Content-Type", contentType(path.Ext(file)))
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file}))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	header.Set("Cache-Control", "private, no-store")
}

// contentType knows what this module stores, on every machine the same.
func contentType(extension string) string {
	switch extension {
	case ".csv":
		return "text/csv; charset=utf-8"
	case ".json":
		return "application/json"
	case ".parquet":
		return "application/vnd.apache.parquet"
	}
	return "application/octet-stream"
}
