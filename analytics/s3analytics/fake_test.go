package s3analytics_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	bucket  = "lake"
	account = "111122223333"
)

// fake is an S3 in memory that speaks its protocol to the real client, and is
// strict: it refuses what has not the checksum that was announced. The suites
// that run on it also run on an emulator that nobody here wrote.
type fake struct {
	// intercept, if set, stands between client and bucket: it may answer
	// itself, or call answer, and lose what that returns.
	intercept func(r *http.Request, answer func() *http.Response) (*http.Response, error)
	// pageSize is the length of the longest list, 1000 if it is 0.
	pageSize int
	// scoped: the caller may not list the bucket as a whole, so that missing
	// objects are forbidden.
	scoped bool
	// forgetful: a completed upload is not known any more.
	forgetful bool

	mu      sync.Mutex
	objects map[string]*fakeObject
	uploads map[string]*fakeUpload
	done    map[string]*fakeObject // by upload
	serial  int
	calls   []fakeCall
}

// fakeObject is what is stored under a key; it does not change.
type fakeObject struct {
	data     []byte
	etag     string
	sum      string // the CRC-32C, as S3 writes it
	header   http.Header
	modified time.Time
}

// fakeCall is a request that was made.
type fakeCall struct {
	operation, key string
	header         http.Header
	size           int
	body           []byte // of DeleteObjects
}

func newFake() *fake {
	return &fake{objects: map[string]*fakeObject{}, uploads: map[string]*fakeUpload{}, done: map[string]*fakeObject{}}
}

// client returns the real client, which talks to the fake.
func (f *fake) client(optFns ...func(*s3.Options)) *s3.Client {
	return s3.New(s3.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://s3.test"), HTTPClient: f, UsePathStyle: true,
		Credentials: credentials, Retryer: aws.NopRetryer{},
	}, optFns...)
}

var credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}, nil
})

// patient lets the client repeat, without long pauses.
func patient(o *s3.Options) {
	o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = 8
		o.RateLimiter = ratelimit.None
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return time.Millisecond, nil })
	})
}

// called returns the operations since the last time.
func (f *fake) called() (operations []string) {
	for _, call := range f.took() {
		operations = append(operations, call.operation)
	}
	return operations
}

// took returns the calls since the last time.
func (f *fake) took() []fakeCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

// refuse lets the next calls of an operation fail.
func (f *fake) refuse(operation string, status int, code string, times int) {
	f.on(operation, times, func(func() *http.Response) (*http.Response, error) { return refusal(status, code), nil })
}

// loseAnswers performs the next calls of an operation and loses their answers.
func (f *fake) loseAnswers(operation string, times int) {
	f.on(operation, times, func(answer func() *http.Response) (*http.Response, error) {
		answer()
		return nil, errLost
	})
}

// on lets do stand in for the answer of the next calls of an operation.
func (f *fake) on(operation string, times int, do func(answer func() *http.Response) (*http.Response, error)) {
	var mu sync.Mutex
	f.intercept = func(r *http.Request, answer func() *http.Response) (*http.Response, error) {
		mu.Lock()
		mine := operationOf(r) == operation && times > 0
		if mine {
			times--
		}
		mu.Unlock()
		if mine {
			return do(answer)
		}
		return answer(), nil
	}
}

var errLost = errors.New("connection reset by peer: about globex")

// Do implements s3.HTTPClient.
func (f *fake) Do(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		if err = r.Body.Close(); err != nil {
			return nil, err
		}
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	call := fakeCall{operation: operationOf(r), key: keyOf(r), header: r.Header.Clone(), size: len(body)}
	if call.operation == "DeleteObjects" {
		call.body = body
	}
	f.calls = append(f.calls, call)
	f.mu.Unlock()
	answer := func() *http.Response {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.answer(r, body)
	}
	if f.intercept != nil {
		return f.intercept(r, answer)
	}
	return answer(), nil
}

// operationOf returns which operation a request is.
func operationOf(r *http.Request) string {
	query := r.URL.Query()
	for _, o := range []struct{ method, parameter, operation string }{
		{http.MethodPost, "uploads", "CreateMultipartUpload"},
		{http.MethodPost, "uploadId", "CompleteMultipartUpload"},
		{http.MethodPost, "delete", "DeleteObjects"},
		{http.MethodPut, "partNumber", "UploadPart"},
		{http.MethodDelete, "uploadId", "AbortMultipartUpload"},
		{http.MethodGet, "list-type", "ListObjectsV2"},
	} {
		if r.Method == o.method && query.Has(o.parameter) {
			return o.operation
		}
	}
	return map[string]string{http.MethodPut: "PutObject", http.MethodGet: "GetObject", http.MethodHead: "HeadObject"}[r.Method]
}

// keyOf returns the key in a request, or the prefix of a list.
func keyOf(r *http.Request) string {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if key == "" {
		return r.URL.Query().Get("prefix")
	}
	return key
}

func (f *fake) answer(r *http.Request, body []byte) *http.Response {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	owner := r.Header.Get("X-Amz-Expected-Bucket-Owner")
	switch {
	case name != bucket:
		return refusal(http.StatusNotFound, "NoSuchBucket")
	case owner != "" && owner != account:
		return refusal(http.StatusForbidden, "AccessDenied")
	}
	if want := r.Header.Get("X-Amz-Checksum-Crc32c"); want != "" && r.Method != http.MethodGet && operationOf(r) != "CompleteMultipartUpload" && want != sumOf(body) {
		return refusal(http.StatusBadRequest, "BadDigest")
	}
	switch operationOf(r) {
	case "PutObject":
		return f.put(r, body)
	case "GetObject", "HeadObject":
		return f.get(r)
	case "ListObjectsV2":
		return f.list(r)
	case "DeleteObjects":
		return f.delete(r, body)
	case "CreateMultipartUpload":
		return f.createUpload(r)
	case "UploadPart":
		return f.uploadPart(r, body)
	case "CompleteMultipartUpload":
		return f.completeUpload(r, body)
	case "AbortMultipartUpload":
		return f.abortUpload(r)
	}
	return refusal(http.StatusNotImplemented, "NotImplemented")
}

// stored returns the object of a key.
func (f *fake) stored(key string) *fakeObject {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.objects[key]
}

// unfinished returns how many uploads there are.
func (f *fake) unfinished() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.uploads)
}

func respond(status int, header http.Header, body []byte) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}
}

func respondXML(document any) *http.Response {
	body, err := xml.Marshal(document)
	if err != nil {
		panic(err)
	}
	return respond(http.StatusOK, http.Header{"Content-Type": {"application/xml"}}, body)
}

// refusal is an error of S3. Its message tells of another tenant.
func refusal(status int, code string) *http.Response {
	body := fmt.Sprintf("<Error><Code>%s</Code><Message>about globex</Message></Error>", code)
	return respond(status, http.Header{"Content-Type": {"application/xml"}}, []byte(body))
}

// sumOf returns the CRC-32C as S3 writes it.
func sumOf(data []byte) string {
	sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

// count returns how often each operation was called.
func count(operations []string, operation string) int {
	return len(slices.DeleteFunc(slices.Clone(operations), func(other string) bool { return other != operation }))
}
