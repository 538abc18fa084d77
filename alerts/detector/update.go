package detector

import "time"

// Update is what the service's BatchUpdateDetector sets: the state, and all
// variables and timers. What it does not list is cleared.
type Update struct {
	At        time.Time
	State     string
	Variables []Variable
	// Timers run from At for their Duration, in whole seconds.
	Timers []Timer
}
