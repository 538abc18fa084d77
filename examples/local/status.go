package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// status writes a line about the system once a second: over the last one on a
// terminal, else only when something changed, at most every ten seconds.
func (s *system) status(ctx context.Context, w *os.File) {
	terminal := isTerminal(w)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	var received uint64
	var last string
	var lastAt time.Time
	for {
		select {
		case <-ctx.Done():
			if terminal {
				fmt.Fprintln(w)
			}
			return
		case now := <-ticker.C:
			stats := s.broker.Stats()
			var refused uint64
			for _, n := range stats.Refused {
				refused += n
			}
			line := fmt.Sprintf("devices %d  messages %d  alerts %d  refused %d", stats.Connections, stats.Received, s.raised.Load(), refused)
			rate := stats.Received - received
			received = stats.Received
			switch {
			case terminal:
				fmt.Fprintf(w, "\r\x1b[K%s  %d messages/s  %s", now.Format(time.TimeOnly), rate, line)
			case line != last && now.Sub(lastAt) >= 10*time.Second:
				fmt.Fprintf(w, "%s  %d messages/s  %s\n", now.Format(time.TimeOnly), rate, line)
				last, lastAt = line, now
			}
		}
	}
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
