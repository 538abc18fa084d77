package analytics_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// TestAttackContents: with the names and versions of another tenant's contents
// one gets nothing, and changes nothing.
func TestAttackContents(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	p.engine.put(north, storedRow{at("10:00:00"), "north's"})
	p.engine.put(south, storedRow{at("10:00:00"), "south's"})
	p.definitions.put(north, defineDelta("d", quarterly), at("10:00:00"))
	p.definitions.put(north, define("private", ""), at("10:00:00"))
	p.definitions.put(south, defineDelta("d", quarterly), at("10:00:00"))
	d := p.start()
	p.sweepAt(t, d, "10:15:00")
	require.NoError(t, d.Sweep(t.Context(), south))
	private, err := d.CreateContent(t.Context(), north, "private", "")
	require.NoError(t, err)
	require.NoError(t, d.Produce(t.Context(), north, "private"))
	content, err := d.Content(t.Context(), north, "d", "")
	require.NoError(t, err)
	foreign, err := d.Content(t.Context(), south, "d", "")
	require.NoError(t, err)
	require.NotEqual(t, foreign.Version, content.Version, "versions of one schedule time differ by tenant")

	for dataset, versions := range map[string][]string{"d": {content.Version}, "private": {private, "", analytics.Latest}, "../north/d": {""}} {
		for _, version := range versions {
			_, err = d.Content(t.Context(), south, dataset, version)
			require.ErrorIs(t, err, iotenant.ErrNotFound)
			require.NotContains(t, err.Error(), "north")
			_, err = d.Open(t.Context(), south, dataset, version, "")
			require.ErrorIs(t, err, iotenant.ErrNotFound)
			require.ErrorIs(t, d.DeleteContent(t.Context(), south, dataset, version), iotenant.ErrNotFound)
			if version != "" && version != analytics.Latest {
				_, err = d.CreateContent(t.Context(), south, dataset, version)
				require.ErrorIs(t, err, iotenant.ErrNotFound)
			}
		}
	}
	require.ErrorIs(t, d.Produce(t.Context(), south, "private"), iotenant.ErrNotFound)
	require.NoError(t, d.Delete(t.Context(), south, "private"))
	require.NoError(t, d.Delete(t.Context(), south, "d"))
	require.Len(t, listed(t, d, "d"), 1)
	require.Contains(t, resultOf(t, d, north, "d", ""), "north's")
	require.NotContains(t, resultOf(t, d, north, "d", ""), "south's")
	require.Contains(t, content.Entries[0].URI, "https://north.example/")
	page, err := d.Contents(t.Context(), north, "d", analytics.ContentQuery{Limit: 1})
	require.NoError(t, err)
	if page.Next != "" {
		_, err = d.Contents(t.Context(), south, "d", analytics.ContentQuery{Limit: 1, Cursor: page.Next})
		require.ErrorIs(t, err, tenant.ErrCursor)
	}
}

// TestAttackDatasetPlatform: the platform has no data sets, nor has nobody, even
// if the definitions say so.
func TestAttackDatasetPlatform(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	d := p.start()
	delivery := analytics.Delivery{Rule: pipeline.Delivery{Bucket: "bbb", Key: "x"}, Open: func(context.Context) (analytics.Object, error) {
		return nil, errors.New("opened")
	}}
	for _, id := range []tenant.ID{{}, tenant.Platform()} {
		p.definitions.put(id, define("d", ""), at("10:00:00"))
		_, err := d.CreateContent(t.Context(), id, "d", "")
		require.ErrorIs(t, err, tenant.ErrID)
		_, err = d.Content(t.Context(), id, "d", "")
		require.ErrorIs(t, err, tenant.ErrID)
		_, err = d.Contents(t.Context(), id, "d", analytics.ContentQuery{})
		require.ErrorIs(t, err, tenant.ErrID)
		_, err = d.Open(t.Context(), id, "d", "", "")
		require.ErrorIs(t, err, tenant.ErrID)
		require.ErrorIs(t, d.DeleteContent(t.Context(), id, "d", ""), tenant.ErrID)
		require.ErrorIs(t, d.Delete(t.Context(), id, "d"), tenant.ErrID)
		require.ErrorIs(t, d.Sweep(t.Context(), id), tenant.ErrID)
		require.ErrorIs(t, d.Produce(t.Context(), id, "d"), tenant.ErrID)
		require.ErrorIs(t, analytics.ToBuckets(p.objects).Deliver(t.Context(), id, delivery), tenant.ErrID)
		require.ErrorIs(t, analytics.ToInputs(&sentMessages{}).Deliver(t.Context(), id, delivery), tenant.ErrID)
	}
}

// TestAttackDeliveryKey: the key of a rule can't leave the tenant's part of the
// objects, nor that for deliveries.
func TestAttackDeliveryKey(t *testing.T) {
	t.Parallel()
	objects := memanalytics.NewObjects()
	require.NoError(t, objects.Put(t.Context(), north, "csv", strings.NewReader("x")))
	mine := &recordedObjects{Objects: objects}
	deliverer := analytics.ToBuckets(mine, func(o *analytics.ToBucketsOptions) { o.Buckets = map[string]analytics.Objects{"mapped": mine} })
	for _, bucket := range []string{"bbb", "mapped", "..", "../..", "/", ""} {
		for _, key := range []string{
			"../south/x.csv", "a/../../../south/x", "/x", "//", "..", "a/./x", "results/../../x", "!{iotanalytics:versionId}", "..\\south\\x", "a/", "x\x00", "",
		} {
			delivery := analytics.Delivery{
				Version: "../../south", Rule: pipeline.Delivery{Bucket: bucket, Key: key},
				Open: func(ctx context.Context) (analytics.Object, error) { return objects.Open(ctx, north, "csv") },
			}
			err := deliverer.Deliver(t.Context(), north, delivery)
			require.ErrorIs(t, err, analytics.ErrObjectName, "%s %s", bucket, key)
		}
	}
	require.Empty(t, mine.names, "storage is not even asked")
}

// recordedObjects notes what is put.
type recordedObjects struct {
	*memanalytics.Objects

	names []string
}

func (r *recordedObjects) Put(_ context.Context, _ tenant.ID, name string, _ io.Reader) error {
	r.names = append(r.names, name)
	return nil
}

// TestAttackContainer: a container writes to its own content and reads the data
// sets that its definition names, of its tenant.
func TestAttackContainer(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	p.engine.put(north, storedRow{at("10:00:00"), "north's"})
	p.engine.put(south, storedRow{at("10:00:00"), "south's"})
	for _, id := range []tenant.ID{north, south} {
		p.definitions.put(id, define("d", ""), at("10:00:00"))
		p.definitions.put(id, define("secret", ""), at("10:00:00"))
		p.definitions.put(id, containerRest, at("10:00:00"))
	}
	ran := 0
	d := p.start(func(o *analytics.DatasetsOptions) {
		o.Containers = map[string]analytics.ContainerFunc{"plot": func(ctx context.Context, id tenant.ID, run *analytics.ContainerRun) error {
			ran++
			if id != north {
				t.Errorf("it ran for %s", id)
			}
			for _, dataset := range []string{"secret", "../south/d", "", "report"} {
				_, err := run.Open(ctx, dataset)
				mustBe(t, err, analytics.ErrNoContent)
			}
			object, err := run.Open(ctx, "d")
			if err != nil {
				return err
			}
			text := make([]byte, object.Size())
			if _, err = object.ReadAt(text, 0); err != nil {
				return err
			}
			if strings.Contains(string(text), "south's") {
				t.Error("it read what is south's")
			}
			for _, name := range []string{"../x", "../../d/x", "..", "a/b", "x\x00", strings.Repeat("x", 256)} {
				mustBe(t, run.Put(ctx, name, strings.NewReader("x")), analytics.ErrObjectName)
			}
			return nil
		}}
	})
	for _, id := range []tenant.ID{south, north} {
		for _, dataset := range []string{"secret", "d"} {
			if id == south && dataset == "d" {
				dataset = "secret"
			}
			_, err := d.CreateContent(t.Context(), id, dataset, "")
			require.NoError(t, err)
		}
		require.NoError(t, d.Sweep(t.Context(), id))
	}
	require.Equal(t, 1, ran)
	content, err := d.Content(t.Context(), north, "report", "")
	require.NoError(t, err)
	require.Empty(t, content.Entries, "it has written nothing")
}

// TestAttackReasons: what an engine or a storage says of its inside, or of others,
// reaches nobody.
func TestAttackReasons(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{
		errDown, errors.New("open /data/south/x.parquet: too many files"), iotenant.ErrDenied,
	} {
		p := newMill("10:00:00")
		p.definitions.put(north, define("d", ""), at("10:00:00"))
		p.engine.before = func(context.Context, tenant.ID, analytics.Statement) error { return failure }
		d := p.start(func(o *analytics.DatasetsOptions) { o.Attempts = 1 })
		_, err := d.CreateContent(t.Context(), north, "d", "")
		require.NoError(t, err)
		require.NoError(t, d.Sweep(t.Context(), north))
		content, err := d.Content(t.Context(), north, "d", analytics.Latest)
		require.NoError(t, err)
		require.Equal(t, analytics.ContentFailed, content.State)
		for _, secret := range []string{"/", "south", "parquet", "worker"} {
			require.NotContains(t, content.Reason, secret)
		}
	}
}
