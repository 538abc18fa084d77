package s3analytics_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
)

// minPart is the size of the least part that is not the last.
const minPart = 5 << 20

// fakeUpload is an upload that is not complete.
type fakeUpload struct {
	key    string
	header http.Header
	parts  map[int]*fakeObject
}

func (f *fake) createUpload(r *http.Request) *http.Response {
	if r.Header.Get("X-Amz-Checksum-Algorithm") != "CRC32C" || r.Header.Get("X-Amz-Checksum-Type") != "FULL_OBJECT" {
		return refusal(http.StatusBadRequest, "InvalidRequest")
	}
	f.serial++
	id := "upload-" + strconv.Itoa(f.serial)
	f.uploads[id] = &fakeUpload{keyOf(r), r.Header.Clone(), map[int]*fakeObject{}}
	return respondXML(struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		UploadId string
	}{UploadId: id})
}

func (f *fake) uploadPart(r *http.Request, body []byte) *http.Response {
	upload := f.uploads[r.URL.Query().Get("uploadId")]
	number, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
	switch {
	case upload == nil || upload.key != keyOf(r):
		return refusal(http.StatusNotFound, "NoSuchUpload")
	case err != nil || number < 1 || number > 10_000 || r.Header.Get("X-Amz-Checksum-Crc32c") == "":
		return refusal(http.StatusBadRequest, "InvalidArgument")
	}
	upload.parts[number] = f.object(body, r.Header)
	return respond(http.StatusOK, http.Header{"Etag": {upload.parts[number].etag}}, nil)
}

type fakeComplete struct {
	Part []struct {
		PartNumber     int
		ETag           string
		ChecksumCRC32C string
	}
}

func (f *fake) completeUpload(r *http.Request, body []byte) *http.Response {
	id := r.URL.Query().Get("uploadId")
	if object := f.done[id]; object != nil && f.objects[keyOf(r)] == object && !f.forgetful {
		return f.completed(object)
	}
	upload := f.uploads[id]
	if upload == nil || upload.key != keyOf(r) {
		return refusal(http.StatusNotFound, "NoSuchUpload")
	}
	if r.Header.Get("If-None-Match") == "*" && f.objects[upload.key] != nil {
		return refusal(http.StatusPreconditionFailed, "PreconditionFailed")
	}
	var request fakeComplete
	if err := xml.Unmarshal(body, &request); err != nil || len(request.Part) == 0 {
		return refusal(http.StatusBadRequest, "MalformedXML")
	}
	var data []byte
	for i, named := range request.Part {
		part := upload.parts[named.PartNumber]
		switch {
		case part == nil || part.etag != named.ETag || part.sum != named.ChecksumCRC32C:
			return refusal(http.StatusBadRequest, "InvalidPart")
		case i > 0 && named.PartNumber <= request.Part[i-1].PartNumber:
			return refusal(http.StatusBadRequest, "InvalidPartOrder")
		case i < len(request.Part)-1 && len(part.data) < minPart:
			return refusal(http.StatusBadRequest, "EntityTooSmall")
		}
		data = append(data, part.data...)
	}
	if r.Header.Get("X-Amz-Checksum-Crc32c") != sumOf(data) || r.Header.Get("X-Amz-Checksum-Type") != "FULL_OBJECT" || r.Header.Get("X-Amz-Mp-Object-Size") != strconv.Itoa(len(data)) {
		return refusal(http.StatusBadRequest, "BadDigest")
	}
	object := f.object(data, upload.header)
	object.etag = fmt.Sprintf(`%s-%d"`, object.etag[:len(object.etag)-1], len(request.Part))
	delete(f.uploads, id)
	f.objects[upload.key], f.done[id] = object, object
	return f.completed(object)
}

func (f *fake) completed(object *fakeObject) *http.Response {
	return respondXML(struct {
		XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
		ETag    string
	}{ETag: object.etag})
}

func (f *fake) abortUpload(r *http.Request) *http.Response {
	id := r.URL.Query().Get("uploadId")
	if f.uploads[id] == nil {
		return refusal(http.StatusNotFound, "NoSuchUpload")
	}
	delete(f.uploads, id)
	return respond(http.StatusNoContent, nil, nil)
}
