package s3analytics_test

import (
	"crypto/md5"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (f *fake) put(r *http.Request, body []byte) *http.Response {
	if r.Header.Get("X-Amz-Checksum-Crc32c") == "" || r.ContentLength != int64(len(body)) {
		return refusal(http.StatusBadRequest, "InvalidRequest")
	}
	if r.Header.Get("If-None-Match") == "*" && f.objects[keyOf(r)] != nil {
		return refusal(http.StatusPreconditionFailed, "PreconditionFailed")
	}
	f.objects[keyOf(r)] = f.object(body, r.Header)
	return respond(http.StatusOK, http.Header{"Etag": {f.objects[keyOf(r)].etag}}, nil)
}

func (f *fake) object(data []byte, header http.Header) *fakeObject {
	return &fakeObject{
		data: data, sum: sumOf(data), header: header.Clone(), modified: time.Now().UTC().Truncate(time.Second),
		etag: fmt.Sprintf(`"%x"`, md5.Sum(data)),
	}
}

func (f *fake) get(r *http.Request) *http.Response {
	object := f.objects[keyOf(r)]
	if object == nil {
		if f.scoped {
			return refusal(http.StatusForbidden, "AccessDenied")
		}
		return refusal(http.StatusNotFound, "NoSuchKey")
	}
	if match := r.Header.Get("If-Match"); match != "" && match != object.etag {
		return refusal(http.StatusPreconditionFailed, "PreconditionFailed")
	}
	header := http.Header{"Etag": {object.etag}, "Last-Modified": {object.modified.Format(http.TimeFormat)}}
	first, last, status := 0, len(object.data)-1, http.StatusOK
	if text := r.Header.Get("Range"); text != "" {
		if _, err := fmt.Sscanf(text, "bytes=%d-%d", &first, &last); err != nil || first > last || first >= len(object.data) {
			return refusal(http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
		}
		last, status = min(last, len(object.data)-1), http.StatusPartialContent
		header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, len(object.data)))
	}
	if r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" && last-first+1 == len(object.data) {
		header.Set("X-Amz-Checksum-Crc32c", object.sum)
		header.Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	data := object.data[first : last+1]
	header.Set("Content-Length", strconv.Itoa(len(data)))
	if r.Method == http.MethodHead {
		data = nil
	}
	return respond(status, header, data)
}

type fakeList struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	Contents              []fakeListed
}

type fakeListed struct {
	Key          string
	LastModified string
	Size         int
}

func (f *fake) list(r *http.Request) *http.Response {
	query := r.URL.Query()
	limit, err := strconv.Atoi(query.Get("max-keys"))
	if err != nil {
		return refusal(http.StatusBadRequest, "InvalidArgument")
	}
	if f.pageSize > 0 {
		limit = min(limit, f.pageSize)
	}
	after := query.Get("start-after")
	if token := query.Get("continuation-token"); token != "" {
		after = strings.TrimPrefix(token, "token of ")
	}
	var list fakeList
	for _, key := range slices.Sorted(maps.Keys(f.objects)) {
		if !strings.HasPrefix(key, query.Get("prefix")) || key <= after {
			continue
		}
		if len(list.Contents) == limit {
			list.IsTruncated, list.NextContinuationToken = true, "token of "+list.Contents[limit-1].Key
			break
		}
		object := f.objects[key]
		list.Contents = append(list.Contents, fakeListed{key, object.modified.Format(time.RFC3339), len(object.data)})
	}
	return respondXML(list)
}

type fakeDelete struct {
	Quiet  bool
	Object []struct{ Key string }
}

func (f *fake) delete(r *http.Request, body []byte) *http.Response {
	var request fakeDelete
	if err := xml.Unmarshal(body, &request); err != nil || len(request.Object) > 1000 || r.Header.Get("X-Amz-Checksum-Crc32c") == "" {
		return refusal(http.StatusBadRequest, "MalformedXML")
	}
	for _, object := range request.Object {
		delete(f.objects, object.Key)
	}
	return respondXML(struct {
		XMLName xml.Name `xml:"DeleteResult"`
	}{})
}
