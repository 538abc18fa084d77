package main

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/tenantmock"
)

// These tests know mocks alone: what the handler calls, and what it makes of each
// answer.

var acme, zeta = tenant.MustParseID("acme"), tenant.MustParseID("zeta")

const noon = "2026-11-25T12:00:00Z"

// message is a message as the fitters' app sends it.
func message(messageID string, id tenant.ID, body string) events.SQSMessage {
	owner := id.String()
	return events.SQSMessage{
		MessageId: messageID, Body: body,
		MessageAttributes: map[string]events.SQSMessageAttribute{"tenant": {DataType: "String", StringValue: &owner}},
	}
}

const body = `{"id": "v-1", "machine": "press-1", "at": "` + noon + `", "hours": 2}`

type mocks struct {
	gate       *tenantmock.MockGate
	machines   *tenantmock.MockRepository[machine]
	transactor *tenantmock.MockTransactor
}

// newMocks returns mocks that refuse every call that a test doesn't expect.
func newMocks(t *testing.T) mocks {
	t.Helper()
	ctrl := gomock.NewController(t)
	return mocks{tenantmock.NewMockGate(ctrl), tenantmock.NewMockRepository[machine](ctrl), tenantmock.NewMockTransactor(ctrl)}
}

// failures calls the handler and returns the ids of the messages that are to
// come again.
func (m mocks) failures(t *testing.T, messages ...events.SQSMessage) (ids []string) {
	t.Helper()
	handler := newHandler(services{m.gate, m.machines, m.transactor, slog.New(slog.DiscardHandler)})
	return failuresOf(t, handler, messages...)
}

func failuresOf(t *testing.T, handler func(context.Context, events.SQSEvent) (events.SQSEventResponse, error), messages ...events.SQSMessage) (ids []string) {
	t.Helper()
	response, err := handler(t.Context(), events.SQSEvent{Records: messages})
	require.NoError(t, err)
	for _, failure := range response.BatchItemFailures {
		ids = append(ids, failure.ItemIdentifier)
	}
	return ids
}

func TestVisitIsRecordedWithItsMachine(t *testing.T) {
	t.Parallel()
	m := newMocks(t)
	m.gate.EXPECT().Admit(gomock.Any(), acme)
	m.machines.EXPECT().Get(gomock.Any(), acme, tenant.NewKey("press-1"), gomock.Any()).
		Return(tenant.Item[machine]{Value: machine{Name: "press-1", Visits: 3, Hours: 10}, Version: 7}, nil)
	at, err := time.Parse(time.RFC3339, noon)
	require.NoError(t, err)
	m.transactor.EXPECT().Transact(gomock.Any(), acme, gomock.Len(2)).DoAndReturn(
		func(_ context.Context, _ tenant.ID, ops ...tenant.Op) ([]tenant.Version, error) {
			require.Equal(t, &visit{ID: "v-1", Machine: "press-1", At: at, Hours: 2}, ops[0].Value())
			require.Equal(t, tenant.IfAbsent(), ops[0].Condition())
			require.Equal(t, &machine{Name: "press-1", Visits: 4, Hours: 12, Last: at}, ops[1].Value())
			require.Equal(t, tenant.IfVersion(7), ops[1].Condition())
			return []tenant.Version{1, 8}, nil
		})
	require.Empty(t, m.failures(t, message("m-1", acme, body)))
}

func TestVisitThatIsThereWasCounted(t *testing.T) {
	t.Parallel()
	m := newMocks(t)
	m.gate.EXPECT().Admit(gomock.Any(), acme)
	m.machines.EXPECT().Get(gomock.Any(), acme, gomock.Any(), gomock.Any()).Return(tenant.Item[machine]{Version: 8}, nil)
	m.transactor.EXPECT().Transact(gomock.Any(), acme, gomock.Any()).Return(nil, &tenant.TransactionError{Errs: []error{tenant.ErrExists, nil}})
	require.Empty(t, m.failures(t, message("m-1", acme, body)))
}

func TestRecordIsTriedAgainAfterAnotherWriter(t *testing.T) {
	t.Parallel()
	for name, conflict := range map[string]error{
		"replaced":  &tenant.TransactionError{Errs: []error{nil, tenant.ErrVersion}},
		"made":      &tenant.TransactionError{Errs: []error{nil, tenant.ErrExists}},
		"under way": tenant.ErrTransactionConflict,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMocks(t)
			m.gate.EXPECT().Admit(gomock.Any(), acme)
			m.machines.EXPECT().Get(gomock.Any(), acme, gomock.Any(), gomock.Any()).Return(tenant.Item[machine]{}, tenant.ErrNotFound)
			m.machines.EXPECT().Get(gomock.Any(), acme, gomock.Any(), gomock.Any()).Return(tenant.Item[machine]{Version: 9}, nil)
			gomock.InOrder(
				m.transactor.EXPECT().Transact(gomock.Any(), acme, gomock.Any()).Return(nil, conflict),
				m.transactor.EXPECT().Transact(gomock.Any(), acme, gomock.Any()).Return([]tenant.Version{1, 10}, nil),
			)
			require.Empty(t, m.failures(t, message("m-1", acme, body)))
		})
	}
}

func TestWhatCantBeDoneComesAgain(t *testing.T) {
	t.Parallel()
	m := newMocks(t)
	m.gate.EXPECT().Admit(gomock.Any(), acme).Times(3)
	m.gate.EXPECT().Admit(gomock.Any(), zeta).Return(tenant.ErrSuspended)
	m.machines.EXPECT().Get(gomock.Any(), acme, tenant.NewKey("press-1"), gomock.Any()).Return(tenant.Item[machine]{Version: 7}, nil)
	m.machines.EXPECT().Get(gomock.Any(), acme, tenant.NewKey("press-2"), gomock.Any()).Return(tenant.Item[machine]{}, context.DeadlineExceeded)
	m.transactor.EXPECT().Transact(gomock.Any(), acme, gomock.Any()).Return([]tenant.Version{1, 8}, nil)

	nobody := message("nobody", acme, body)
	nobody.MessageAttributes = nil
	require.Equal(t, []string{"suspended", "no-json", "no-store", "nobody"}, m.failures(t,
		message("suspended", zeta, body),
		message("no-json", acme, "{"),
		message("no-store", acme, `{"id": "v-2", "machine": "press-2"}`),
		nobody,
		message("good", acme, body), // what fails before it doesn't matter
	))
}
