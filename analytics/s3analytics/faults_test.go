package s3analytics_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/s3analytics"
)

// The faults of a network and of a busy S3.
const (
	throttled   = "throttled"    // 503 and 429: S3 has not done it
	cutUpload   = "cut upload"   // S3 has got a part of the body
	cutDownload = "cut download" // the client has got a part of the body
	lostAnswer  = "lost answer"  // S3 has done it
)

// faults is an HTTP client that fails now and then.
type faults struct {
	next s3.HTTPClient
	rate float64

	mu     sync.Mutex
	random *rand.Rand
	counts map[string]int
	// orphans is how many uploads were begun without anybody learning of it.
	orphans int
}

func newFaults(next s3.HTTPClient, seed uint64, rate float64) *faults {
	return &faults{next: next, rate: rate, random: rand.New(rand.NewPCG(seed, seed)), counts: map[string]int{}}
}

// choose returns a fault for a request, empty for none, and a number for it.
func (f *faults) choose(operation string) (fault string, number float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.random.Float64() >= f.rate {
		return "", 0
	}
	kinds := []string{throttled, lostAnswer}
	switch operation {
	case "PutObject", "UploadPart", "CompleteMultipartUpload", "DeleteObjects":
		kinds = append(kinds, cutUpload)
	case "GetObject":
		kinds = append(kinds, cutDownload)
	}
	fault = kinds[f.random.IntN(len(kinds))]
	f.counts[fault]++
	if fault == lostAnswer && operation == "CreateMultipartUpload" {
		f.orphans++
	}
	return fault, f.random.Float64()
}

// Do implements s3.HTTPClient.
func (f *faults) Do(r *http.Request) (*http.Response, error) {
	fault, number := f.choose(operationOf(r))
	if fault == throttled {
		if number < 0.5 {
			return refusal(http.StatusServiceUnavailable, "SlowDown"), nil
		}
		return refusal(http.StatusTooManyRequests, "SlowDown"), nil
	}
	if fault == cutUpload && r.ContentLength > 0 {
		r.Body = &cutBody{r.Body, int(number * float64(r.ContentLength))}
	}
	response, err := f.next.Do(r)
	if err != nil {
		return nil, err
	}
	switch fault {
	case cutDownload:
		response.Body = &cutBody{response.Body, int(number * float64(response.ContentLength))}
	case lostAnswer:
		_, _ = io.Copy(io.Discard, response.Body)
		return nil, errors.Join(errLost, response.Body.Close())
	}
	return response, nil
}

// customer writes, reads and deletes objects that are its own, and knows what
// must be there.
type customer struct {
	*testing.T
	objects analytics.Objects
	folder  string
	random  *rand.Rand
	content map[string][]byte
}

func (c *customer) run(ctx context.Context, steps int) {
	for range steps {
		name := fmt.Sprintf("%s/%d", c.folder, c.random.IntN(4))
		var err error
		switch c.random.IntN(6) {
		case 0, 1:
			data := c.data()
			if err = c.objects.Put(ctx, acme, name, bytes.NewReader(data)); err == nil {
				c.content[name] = data
			}
		case 2:
			err = c.create(ctx, name)
		case 3:
			if err = c.objects.Delete(ctx, acme, name, name+"0"); err == nil {
				delete(c.content, name)
			}
		default:
			err = c.check(ctx, name)
		}
		if err != nil {
			c.Errorf("%s: %v", name, err)
			return
		}
	}
}

func (c *customer) data() []byte {
	size := c.random.IntN(10_000)
	switch c.random.IntN(8) {
	case 0:
		size = s3analytics.MinPartSize + c.random.IntN(6<<20)
	case 1:
		size = c.random.IntN(1 << 20)
	}
	data := bytesOf(size)
	for i := range min(size, 8) {
		data[i] = byte(c.random.Uint32())
	}
	return data
}

// create creates an object. What is told to exist may be its own.
func (c *customer) create(ctx context.Context, name string) error {
	data := c.data()
	err := c.objects.Create(ctx, acme, name, bytes.NewReader(data))
	_, taken := c.content[name]
	if err == nil && taken {
		return errors.New("created though it was there")
	}
	if errors.Is(err, analytics.ErrObjectExists) {
		err = nil
	}
	if err == nil && !taken {
		c.content[name] = data
	}
	return err
}

func (c *customer) check(ctx context.Context, name string) error {
	want, there := c.content[name]
	object, err := c.objects.Open(ctx, acme, name)
	if !there && errors.Is(err, analytics.ErrNoObject) {
		return nil
	}
	if err != nil {
		return err
	}
	defer object.Close()
	got, err := io.ReadAll(io.NewSectionReader(object, 0, object.Size()))
	if err == nil && (!there || !bytes.Equal(want, got)) {
		err = fmt.Errorf("it has other contents: %d bytes, want %d", len(got), len(want))
	}
	return err
}

// underFaults lets several write at the same time, and checks that nothing is
// lost, nothing torn, and nothing left behind that anybody knew of.
func underFaults(t *testing.T, f *faults, name string, client *s3.Client, steps int) {
	t.Helper()
	objects := s3analytics.New(client, name, withParts)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			c := customer{t, objects, fmt.Sprint("customer-", i), rand.New(rand.NewPCG(uint64(i), 2)), map[string][]byte{}}
			c.run(t.Context(), steps)
			list, err := objects.List(t.Context(), acme, c.folder, "", 1000)
			if err != nil || len(list) != len(c.content) {
				t.Errorf("%d names, want %d: %v", len(list), len(c.content), err)
			}
			for name := range c.content {
				if err := c.check(t.Context(), name); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	group.Wait()
	for _, fault := range []string{throttled, cutUpload, cutDownload, lostAnswer} {
		require.NotZero(t, f.counts[fault], fault)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			server := newFake()
			server.forgetful = seed == 2
			f := newFaults(server, seed, 0.25)
			underFaults(t, f, bucket, server.client(patient, through(f)), 60)
			require.Equal(t, f.orphans, server.unfinished())
			for _, upload := range server.uploads {
				require.Empty(t, upload.parts)
			}
		})
	}
}

func TestFaultsAtMoto(t *testing.T) {
	t.Parallel()
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	f := newFaults(&http.Client{Transport: transport}, 1, 0)
	client, name := atMoto(t, patient, through(f))
	f.rate = 0.2
	underFaults(t, f, name, client, 30)
	f.rate = 0
	left, err := client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String(name)})
	require.NoError(t, err)
	require.Len(t, left.Uploads, f.orphans)
}

// through sends requests through faults.
func through(f *faults) func(*s3.Options) {
	return func(o *s3.Options) { o.HTTPClient = f }
}
