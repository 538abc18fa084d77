package scheduleralerts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/scheduleralerts"
	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
)

var target = scheduleralerts.Target{
	ARN: "arn:aws:lambda:eu-west-1:123456789012:function:sweep", RoleARN: "arn:aws:iam::123456789012:role/wake", DeadLetterARN: "arn:aws:sqs:eu-west-1:123456789012:dead",
}

// memoryScheduler keeps schedules.
type memoryScheduler struct {
	mu    sync.Mutex
	made  map[string]*scheduler.CreateScheduleInput
	calls int
	err   error
}

func newMemoryScheduler() *memoryScheduler {
	return &memoryScheduler{made: map[string]*scheduler.CreateScheduleInput{}}
}

func (m *memoryScheduler) CreateSchedule(_ context.Context, input *scheduler.CreateScheduleInput, _ ...func(*scheduler.Options)) (*scheduler.CreateScheduleOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	if m.err != nil {
		return nil, m.err
	}
	if m.made[*input.Name] != nil {
		return nil, &types.ConflictException{Message: aws.String("exists")}
	}
	m.made[*input.Name] = input
	return &scheduler.CreateScheduleOutput{}, nil
}

func (m *memoryScheduler) woken(id tenant.ID) (times []time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, input := range m.made {
		times = append(times, wokenBy(id, input.ScheduleExpression, input.Target)...)
	}
	return times
}

// wokenBy returns when a schedule wakes the tenant.
func wokenBy(id tenant.ID, expression *string, target *types.Target) []time.Time {
	var event scheduleralerts.Event
	if err := json.Unmarshal([]byte(*target.Input), &event); err != nil {
		panic(err)
	}
	at, err := time.Parse("at(2006-01-02T15:04:05)", *expression)
	if err != nil || !at.Equal(event.At) {
		panic(fmt.Sprint(*expression, event, err))
	}
	if event.Tenant != id {
		return nil
	}
	return []time.Time{at}
}

func TestWaker(t *testing.T) {
	t.Parallel()
	alertstest.TestWaker(t, func(*testing.T) alertstest.WakerHarness {
		m := newMemoryScheduler()
		return alertstest.WakerHarness{Waker: scheduleralerts.New(m, target), Woken: m.woken, Grain: 10 * time.Second}
	})
}

func TestWakerAtMoto(t *testing.T) {
	t.Parallel()
	client := scheduler.NewFromConfig(emulator.AWS(emulator.Moto(t)))
	groups := 0
	alertstest.TestWaker(t, func(t *testing.T) alertstest.WakerHarness {
		t.Helper()
		groups++
		group := aws.String(fmt.Sprint("group-", groups))
		_, err := client.CreateScheduleGroup(t.Context(), &scheduler.CreateScheduleGroupInput{Name: group})
		require.NoError(t, err)
		return alertstest.WakerHarness{
			Waker: scheduleralerts.New(client, target, func(o *scheduleralerts.Options) { o.Group, o.Grain = *group, time.Minute }),
			Grain: time.Minute,
			Woken: func(id tenant.ID) (times []time.Time) {
				pages := scheduler.NewListSchedulesPaginator(client, &scheduler.ListSchedulesInput{GroupName: group})
				for pages.HasMorePages() {
					page, err := pages.NextPage(t.Context())
					require.NoError(t, err)
					for _, summary := range page.Schedules {
						got, err := client.GetSchedule(t.Context(), &scheduler.GetScheduleInput{GroupName: group, Name: summary.Name})
						require.NoError(t, err)
						times = append(times, wokenBy(id, got.ScheduleExpression, got.Target)...)
					}
				}
				return times
			},
		}
	})
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	m, now := newMemoryScheduler(), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	waker := scheduleralerts.New(m, target, func(o *scheduleralerts.Options) { o.Now = func() time.Time { return now } })
	id, ctx := tenant.MustParseID(strings.Repeat("a", tenant.MaxIDLength)), t.Context()
	for _, second := range []int{61, 62, 69} {
		require.NoError(t, waker.Wake(ctx, id, now.Add(time.Duration(second)*time.Second)))
	}
	require.Len(t, m.made, 1)
	require.Equal(t, 1, m.calls, "what is there is not asked for again")
	for name, input := range m.made {
		require.LessOrEqual(t, len(name), 64)
		require.Equal(t, "at(2026-03-01T12:01:10)", *input.ScheduleExpression)
		require.Equal(t, types.ActionAfterCompletionDelete, input.ActionAfterCompletion)
		require.Equal(t, target.DeadLetterARN, *input.Target.DeadLetterConfig.Arn)
	}
	another := scheduleralerts.New(m, target, func(o *scheduleralerts.Options) { o.Now = func() time.Time { return now } })
	require.NoError(t, another.Wake(ctx, id, now.Add(61*time.Second)), "another process has made it")
	require.NoError(t, waker.Wake(ctx, id, time.Time{}))
	require.Contains(t, m.made, id.String()+"_"+fmt.Sprint(now.Add(10*time.Second).Unix()), "now is the next time of the grain")

	m.err = &smithy.GenericAPIError{Code: "ThrottlingException"}
	require.ErrorIs(t, waker.Wake(ctx, id, now.Add(time.Hour)), iotenant.ErrUnavailable)
	m.err = nil
	require.NoError(t, waker.Wake(ctx, id, now.Add(time.Hour)), "a failure is not remembered")
	require.Len(t, m.made, 3)
	require.Panics(t, func() {
		scheduleralerts.New(m, target, func(o *scheduleralerts.Options) { o.Grain = time.Millisecond })
	})
}

func TestAttackWakeOfAnotherTenant(t *testing.T) {
	t.Parallel()
	m := newMemoryScheduler()
	waker := scheduleralerts.New(m, target)
	at := time.Now().Add(time.Hour)
	for _, text := range []string{"acme", "acme-1", "acme-17"} {
		require.NoError(t, waker.Wake(t.Context(), tenant.MustParseID(text), at))
	}
	require.Len(t, m.made, 3, "no name of a schedule is that of another tenant")
	require.Empty(t, m.woken(tenant.MustParseID("other")))
	require.ErrorIs(t, waker.Wake(t.Context(), tenant.ID{}, at), tenant.ErrID)
}

func ExampleNew() {
	client := newMemoryScheduler() // scheduler.NewFromConfig(config), in a program
	waker := scheduleralerts.New(client, scheduleralerts.Target{
		ARN: "arn:aws:lambda:eu-west-1:123456789012:function:timer-sweep", RoleARN: "arn:aws:iam::123456789012:role/wake",
	})
	err := waker.Wake(context.Background(), tenant.MustParseID("acme"), time.Date(2033, 1, 2, 3, 4, 5, 0, time.UTC))
	for name, schedule := range client.made {
		fmt.Println(name, *schedule.ScheduleExpression, err)
	}
	// Output: acme_1988247850 at(2033-01-02T03:04:10) <nil>
}
