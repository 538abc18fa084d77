package fleet_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/examples/internal/fleet"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func read(machine *fleet.Machine, n int) (readings []fleet.Reading, faulty int) {
	for i := range n {
		readings = append(readings, machine.Read(start.Add(time.Duration(i)*time.Minute)))
		if machine.Faulty() {
			faulty++
		}
	}
	return readings, faulty
}

func TestSameSeedSameReadings(t *testing.T) {
	t.Parallel()
	one, _ := read(fleet.NewMachine(7, 3, start), 1000)
	two, _ := read(fleet.NewMachine(7, 3, start), 1000)
	other, _ := read(fleet.NewMachine(7, 4, start), 1000)
	require.Equal(t, one, two)
	require.NotEqual(t, one, other)
}

func TestFaultRate(t *testing.T) {
	t.Parallel()
	const readings = 200_000
	_, faulty := read(fleet.NewMachine(1, 1, start), readings)
	require.InDelta(t, fleet.FaultRate, float64(faulty)/readings, 0.003)
}

func TestDailyCurve(t *testing.T) {
	t.Parallel()
	readings, _ := read(fleet.NewMachine(1, 2, start), 24*60)
	lowest, highest := readings[0].Temperature, readings[0].Temperature
	for _, r := range readings {
		lowest, highest = min(lowest, r.Temperature), max(highest, r.Temperature)
	}
	require.Greater(t, highest-lowest, 12.0)
}
