package dynamotenant_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

// everyCall are one call of each method, with the operation that it makes.
func everyCall(store *dynamotenant.Store) map[string]func(ctx context.Context) error {
	r := dynamotenant.NewRepository(store, &siteSchema)
	north := tenant.NewKey("north")
	return map[string]func(ctx context.Context) error{
		"GetItem": func(ctx context.Context) error { _, err := r.Get(ctx, acme, north); return err },
		"PutItem": func(ctx context.Context) error {
			_, err := r.Put(ctx, acme, site{Name: "north"}, tenant.IfAbsent())
			return err
		},
		"DeleteItem": func(ctx context.Context) error { return r.Delete(ctx, acme, north, tenant.Always()) },
		"Query":      func(ctx context.Context) error { _, err := r.Query(ctx, acme, tenant.Query{}); return err },
		"BatchGetItem": func(ctx context.Context) error {
			_, err := r.BatchGet(ctx, acme, []tenant.Key{north})
			return err
		},
		"BatchWriteItem": func(ctx context.Context) error {
			_, err := r.BatchWrite(ctx, acme, []tenant.Write[site]{tenant.PutWrite(site{Name: "north"})})
			return err
		},
		"TransactWriteItems": func(ctx context.Context) error {
			_, err := store.Transact(ctx, acme, tenant.PutOp(&siteSchema, site{Name: "north"}, tenant.Always()))
			return err
		},
	}
}

func TestErrorsOfDynamoDBHaveAKind(t *testing.T) {
	t.Parallel()
	for code, kind := range map[string]error{
		"ProvisionedThroughputExceededException": iotenant.ErrUnavailable,
		"ThrottlingException":                    iotenant.ErrUnavailable,
		"RequestLimitExceeded":                   iotenant.ErrUnavailable,
		"InternalServerError":                    iotenant.ErrUnavailable,
		"ResourceNotFoundException":              iotenant.ErrUnavailable,
		"AccessDeniedException":                  iotenant.ErrUnavailable,
		"ExpiredTokenException":                  iotenant.ErrUnavailable,
		"TransactionInProgressException":         iotenant.ErrUnavailable,
		"ReplicatedWriteConflictException":       iotenant.ErrUnavailable,
		"SomethingNew":                           iotenant.ErrUnavailable,
		"TransactionConflictException":           tenant.ErrTransactionConflict,
		"ValidationException":                    iotenant.ErrInvalid,
	} {
		f := newFake()
		for operation, call := range everyCall(newStore(f)) {
			f.refuse(operation, code, -1)
			err := call(t.Context())
			require.ErrorIs(t, err, kind, "%s of %s", code, operation)
			api, ok := errors.AsType[smithy.APIError](err)
			require.True(t, ok, operation)
			require.Equal(t, code, api.ErrorCode())
			require.Contains(t, err.Error(), code)
			require.NotContains(t, err.Error(), "globex", "the text of DynamoDB, which can name others, is shown by %s", operation)
			require.NotErrorIs(t, err, iotenant.ErrNotFound)
		}
	}
}

func TestBrokenConnectionIsUnavailable(t *testing.T) {
	t.Parallel()
	f := newFake()
	for operation, call := range everyCall(newStore(f)) {
		f.loseAnswers(operation, 1)
		err := call(t.Context())
		require.ErrorIs(t, err, iotenant.ErrUnavailable, operation)
		require.ErrorIs(t, err, errLost, operation)
	}
}

func TestCancelledCallEndsWithTheErrorOfItsContext(t *testing.T) {
	t.Parallel()
	f := newFake()
	for operation, call := range everyCall(newStore(f)) {
		ctx, cancel := context.WithCancel(t.Context())
		f.intercept = func(string, func() *http.Response) (*http.Response, error) {
			cancel()
			return nil, errLost
		}
		err := call(ctx)
		require.ErrorIs(t, err, context.Canceled, operation)
		require.NotErrorIs(t, err, iotenant.ErrUnavailable, operation)
	}
}

// repeating lets the client repeat what fails, as it does by default.
func repeating(o *dynamodb.Options) {
	o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
}

func TestLostAnswers(t *testing.T) {
	t.Parallel()
	f := newFake()
	store := dynamotenant.New(f.client(repeating), table, tenant.RandomCursorKeys())
	r := dynamotenant.NewRepository(store, &siteSchema)
	ctx, north := t.Context(), tenant.NewKey("north")

	f.loseAnswers("PutItem", 1)
	version, err := r.Put(ctx, acme, site{Name: "north"}, tenant.IfAbsent())
	require.NoError(t, err, "the item that is there is its own")
	require.Equal(t, []string{"PutItem", "PutItem"}, f.called())

	f.loseAnswers("PutItem", 1)
	version, err = r.Put(ctx, acme, site{Name: "north", Count: 1}, tenant.IfVersion(version))
	require.NoError(t, err)
	item, err := r.Get(ctx, acme, north)
	require.NoError(t, err)
	require.Equal(t, tenant.Item[site]{Value: site{Name: "north", Count: 1}, Version: version}, item)

	f.called()
	f.loseAnswers("TransactWriteItems", 1)
	versions, err := store.Transact(ctx, acme, tenant.PutOp(&siteSchema, site{Name: "north", Count: 2}, tenant.IfVersion(version)))
	require.NoError(t, err, "its token is known")
	require.Equal(t, []string{"TransactWriteItems", "TransactWriteItems"}, f.called())

	f.loseAnswers("DeleteItem", 1)
	require.NoError(t, r.Delete(ctx, acme, north, tenant.Always()))
	_, err = r.Put(ctx, acme, site{Name: "north"}, tenant.IfVersion(versions[0]))
	require.ErrorIs(t, err, tenant.ErrVersion)
}

func TestThrottledCallsAreRepeatedByTheClientOnly(t *testing.T) {
	t.Parallel()
	f := newFake()
	patient, plain := dynamotenant.New(f.client(repeating), table, tenant.RandomCursorKeys()), newStore(f)
	for _, operation := range []string{"PutItem", "GetItem", "Query", "DeleteItem", "BatchGetItem", "BatchWriteItem", "TransactWriteItems"} {
		f.refuse(operation, "ThrottlingException", 2)
		require.NoError(t, everyCall(patient)[operation](t.Context()), operation)
		require.Len(t, f.called(), 3, operation)
		f.intercept = nil
		if operation != "DeleteItem" {
			require.NoError(t, dynamotenant.NewRepository(plain, &siteSchema).Delete(t.Context(), acme, tenant.NewKey("north"), tenant.Always()))
			require.NoError(t, everyCall(plain)["PutItem"](t.Context()))
		}
		f.called()
		f.refuse(operation, "ThrottlingException", 2)
		require.ErrorIs(t, everyCall(plain)[operation](t.Context()), iotenant.ErrUnavailable)
		require.Len(t, f.called(), 1, operation)
		f.intercept = nil
		require.NoError(t, everyCall(plain)["DeleteItem"](t.Context()))
		if operation == "PutItem" {
			require.NoError(t, everyCall(plain)["PutItem"](t.Context()))
		}
		f.called()
	}
}

// canceled answers transactions with reasons.
func (f *fake) canceled(codes ...string) {
	reasons := make([]map[string]any, len(codes))
	for i, code := range codes {
		reasons[i] = map[string]any{"Code": code, "Message": "about globex"}
	}
	f.intercept = func(string, func() *http.Response) (*http.Response, error) {
		return respond(&fakeError{Type: "TransactionCanceledException", Message: "about globex", Reasons: reasons}), nil
	}
}

func TestReasonsOfCanceledTransactions(t *testing.T) {
	t.Parallel()
	f := newFake()
	store := newStore(f)
	transact := func() error {
		_, err := store.Transact(t.Context(), acme,
			tenant.PutOp(&siteSchema, site{Name: "a"}, tenant.IfAbsent()),
			tenant.DeleteOp(&siteSchema, tenant.NewKey("b"), tenant.IfPresent()),
			tenant.CheckOp(&siteSchema, tenant.NewKey("c"), tenant.IfVersion(7)))
		require.NotContains(t, err.Error(), "globex")
		canceled, ok := errors.AsType[*types.TransactionCanceledException](err)
		require.True(t, ok || errors.Is(err, iotenant.ErrInvalid))
		require.True(t, !ok || len(canceled.CancellationReasons) > 0)
		return err
	}
	const none, unmet, conflict, throttled, invalid = "None", "ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", "ValidationError"

	f.canceled(unmet, unmet, unmet)
	refused, ok := errors.AsType[*tenant.TransactionError](transact())
	require.True(t, ok)
	for i, want := range []error{tenant.ErrExists, tenant.ErrNotFound, tenant.ErrVersion} {
		require.ErrorIs(t, refused.Errs[i], want)
	}
	f.canceled(none, unmet, none)
	refused, ok = errors.AsType[*tenant.TransactionError](transact())
	require.True(t, ok)
	require.NoError(t, refused.Errs[0])
	require.ErrorIs(t, refused.Errs[1], tenant.ErrNotFound)
	require.NoError(t, refused.Errs[2])

	f.canceled(conflict, unmet, throttled)
	refused, ok = errors.AsType[*tenant.TransactionError](transact())
	require.True(t, ok, "a condition that failed is the reason, whatever was under way beside")
	require.ErrorIs(t, refused.Errs[1], tenant.ErrNotFound)

	f.canceled(none, none, invalid)
	refused, ok = errors.AsType[*tenant.TransactionError](transact())
	require.True(t, ok)
	require.ErrorIs(t, refused.Errs[2], iotenant.ErrInvalid)

	f.canceled(none, conflict, none)
	require.ErrorIs(t, transact(), tenant.ErrTransactionConflict)
	f.canceled(throttled, none, conflict)
	require.ErrorIs(t, transact(), tenant.ErrTransactionConflict)
	for _, code := range []string{throttled, "ProvisionedThroughputExceeded", "ItemCollectionSizeLimitExceeded", "SomethingNew"} {
		f.canceled(none, code, none)
		require.ErrorIs(t, transact(), iotenant.ErrUnavailable)
	}
	f.canceled(unmet)
	require.ErrorIs(t, transact(), iotenant.ErrUnavailable, "reasons that fit no operations")
}

// leaving answers batches without doing the last of their entries, at most as
// many as most, times times.
func (f *fake) leaving(most, times int) {
	f.intercept = func(operation string, answer func() *http.Response) (*http.Response, error) {
		if times == 0 || operation != "BatchGetItem" && operation != "BatchWriteItem" {
			return answer(), nil
		}
		times--
		f.mu.Lock()
		body := f.bodies[len(f.bodies)-1]
		f.mu.Unlock()
		if operation == "BatchWriteItem" {
			var request struct {
				RequestItems map[string][]json.RawMessage `json:"RequestItems"`
			}
			if err := json.Unmarshal([]byte(body), &request); err != nil {
				return nil, err
			}
			writes := request.RequestItems[table]
			done := max(0, len(writes)-most)
			if done > 0 {
				doing, err := json.Marshal(map[string]any{"RequestItems": map[string]any{table: writes[:done]}})
				if err != nil {
					return nil, err
				}
				f.answer(operation, doing)
			}
			return respond(map[string]any{"UnprocessedItems": map[string]any{table: writes[done:]}}), nil
		}
		var request struct {
			RequestItems map[string]struct{ Keys []fakeItem } `json:"RequestItems"`
		}
		if err := json.Unmarshal([]byte(body), &request); err != nil {
			return nil, err
		}
		keys := request.RequestItems[table].Keys
		done := max(0, len(keys)-most)
		read := []fakeItem{}
		f.mu.Lock()
		for _, key := range keys[:done] {
			if item := f.items[keyOf(key)]; item != nil {
				read = append(read, item)
			}
		}
		f.mu.Unlock()
		return respond(map[string]any{
			"Responses":       map[string]any{table: read},
			"UnprocessedKeys": map[string]any{table: map[string]any{"Keys": keys[done:]}},
		}), nil
	}
}

func batchOf(names ...string) (keys []tenant.Key, writes []tenant.Write[site]) {
	for i, name := range names {
		keys = append(keys, tenant.NewKey(name))
		writes = append(writes, tenant.PutWrite(site{Name: name, Count: i}))
	}
	return keys, writes
}

func TestUnprocessedEntriesAreSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := sites(f)
		keys, writes := batchOf("a", "b", "c", "d", "e")
		f.leaving(2, 3)
		versions, err := r.BatchWrite(t.Context(), acme, writes)
		require.NoError(t, err)
		require.Equal(t, repeated("BatchWriteItem", 4), f.called())
		f.leaving(3, 5)
		items, err := r.BatchGet(t.Context(), acme, append(keys, keys[0]))
		require.NoError(t, err)
		require.Equal(t, repeated("BatchGetItem", 6), f.called())
		for i := range items {
			require.Equal(t, versions[i%5], items[i].Version)
			require.Equal(t, i%5, items[i].Value.Count)
		}
	})
}

func TestWhatStaysUnprocessedIsUnavailableByEntry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := sites(f)
		keys, writes := batchOf("a", "b", "c")
		f.leaving(1, -1)
		start := time.Now()
		versions, err := r.BatchWrite(t.Context(), acme, writes)
		partial, ok := errors.AsType[*tenant.BatchError](err)
		require.True(t, ok)
		require.Less(t, time.Since(start), 8*time.Second, "pauses are bounded")
		require.Len(t, f.called(), 9, "eight attempts without progress after the first")
		require.NoError(t, errors.Join(partial.Errs[:2]...))
		require.ErrorIs(t, partial.Errs[2], iotenant.ErrUnavailable)
		require.NotZero(t, versions[0])
		require.Zero(t, versions[2])

		items, err := r.BatchGet(t.Context(), acme, keys)
		partial, ok = errors.AsType[*tenant.BatchError](err)
		require.True(t, ok)
		require.Equal(t, versions[0], items[0].Version)
		require.Equal(t, versions[1], items[1].Version)
		require.ErrorIs(t, partial.Errs[2], iotenant.ErrUnavailable)

		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		_, err = r.BatchGet(ctx, acme, keys)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestOneChunkOfABatchMayFail(t *testing.T) {
	t.Parallel()
	f := newFake()
	r := sites(f)
	var names []string
	for i := range 60 {
		names = append(names, string(rune('0'+i)))
	}
	keys, writes := batchOf(names...)
	f.refuse("BatchWriteItem", "InternalServerError", 1)
	versions, err := r.BatchWrite(t.Context(), acme, writes)
	partial, ok := errors.AsType[*tenant.BatchError](err)
	require.True(t, ok)
	for i := range writes {
		require.Equal(t, i < 25, partial.Errs[i] != nil)
		require.Equal(t, i < 25, versions[i] == 0)
	}
	f.intercept = nil
	items, err := r.BatchGet(t.Context(), acme, keys)
	require.NoError(t, err)
	for i := range items {
		require.Equal(t, versions[i], items[i].Version)
	}
}

func TestWrongConstructionPanics(t *testing.T) {
	t.Parallel()
	cursors := tenant.RandomCursorKeys()
	require.Panics(t, func() { dynamotenant.New(nil, table, cursors) })
	require.Panics(t, func() { dynamotenant.New(newFake().client(), "", cursors) })
	require.Panics(t, func() { dynamotenant.New(newFake().client(), table, tenant.CursorKeys{}) })
	require.Panics(t, func() { dynamotenant.NewRepository(newStore(newFake()), &tenant.Schema[site]{}) })
}
