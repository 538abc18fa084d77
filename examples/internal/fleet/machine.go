// Package fleet simulates machines that report telemetry: a daily curve, slow
// drift, noise and, now and then, a fault. The same seed gives the same
// readings.
package fleet

import (
	"math"
	"math/rand/v2"
	"time"
)

// FaultRate is the share of readings that belong to a fault.
const FaultRate = 0.01

// faultLength is the number of readings in a row that a fault lasts.
const faultLength = 8

// Reading is what a machine reports.
type Reading struct {
	Timestamp   time.Time `json:"timestamp"`
	Temperature float64   `json:"temperature"` // °C
	Pressure    float64   `json:"pressure"`    // bar
	Vibration   float64   `json:"vibration"`   // mm/s
}

// Machine is one simulated machine. It is not safe for concurrent use.
type Machine struct {
	random *rand.Rand
	start  time.Time

	temperature float64 // of the machine at rest
	phase       float64 // of its daily curve
	drift       float64 // °C per day

	fault  fault
	remain int // readings left of the fault
}

type fault int

const (
	faultNone fault = iota
	faultOverheating
	faultPressureLoss
	faultBearing
	faultKinds
)

// NewMachine returns the machine with this number in the fleet with this seed.
// Its drift is counted from start.
func NewMachine(seed, number uint64, start time.Time) *Machine {
	random := rand.New(rand.NewPCG(seed, number))
	return &Machine{
		random:      random,
		start:       start,
		temperature: 60 + 10*random.Float64(),
		phase:       2 * math.Pi * random.Float64(),
		drift:       0.2 * random.NormFloat64(),
	}
}

// Read returns the reading of the machine at this time. Each call is one step
// of the simulation.
func (m *Machine) Read(at time.Time) Reading {
	m.stepFault()
	day := float64(at.UnixMilli()%86_400_000) / 86_400_000
	load := math.Sin(2*math.Pi*day + m.phase)
	reading := Reading{
		Timestamp:   at,
		Temperature: m.temperature + 8*load + m.drift*at.Sub(m.start).Hours()/24 + 0.5*m.random.NormFloat64(),
		Pressure:    6 + 0.4*load + 0.05*m.random.NormFloat64(),
		Vibration:   2 + 0.5*load + 0.1*m.random.NormFloat64(),
	}
	switch m.fault {
	case faultOverheating:
		reading.Temperature += 35
	case faultPressureLoss:
		reading.Pressure -= 3
	case faultBearing:
		reading.Vibration += 9
	}
	reading.Temperature = round(reading.Temperature)
	reading.Pressure = round(reading.Pressure)
	reading.Vibration = round(reading.Vibration)
	return reading
}

func (m *Machine) stepFault() {
	if m.remain > 0 {
		m.remain--
		return
	}
	m.fault = faultNone
	// A fault begins with the probability that makes its readings the
	// FaultRate share of all.
	if m.random.Float64() < FaultRate/(faultLength*(1-FaultRate)) {
		m.fault = fault(1 + m.random.IntN(int(faultKinds)-1))
		m.remain = faultLength - 1
	}
}

// Faulty reports whether the last reading belongs to a fault.
func (m *Machine) Faulty() bool { return m.fault != faultNone }

func round(value float64) float64 { return math.Round(value*100) / 100 }
