package mqttdevice

import (
	"sync"
	"time"
)

// pipeline lets a device publish ahead while messages before are received: what
// has come meanwhile is received together, in order. The zero pipeline is
// empty and ready.
type pipeline struct {
	mu      sync.Mutex
	changed sync.Cond // L is set with the first use
	pending []*publication
	working int  // taken from pending and not yet done
	running bool // somebody drains
	broken  bool // process has ended the connection
}

// add hands a publication to process, which gets all that wait, in order, and
// from one goroutine at a time. It waits while limit publications are under
// way, and reports false if process has ended the connection.
func (p *pipeline) add(publication *publication, limit int, process func([]*publication) bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed.L = &p.mu
	for len(p.pending)+p.working >= limit && !p.broken {
		p.changed.Wait()
	}
	if p.broken {
		return false
	}
	p.pending = append(p.pending, publication)
	if !p.running {
		p.running = true
		go p.drain(process)
	}
	return true
}

func (p *pipeline) drain(process func([]*publication) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.pending) > 0 && !p.broken {
		batch := p.pending
		p.pending, p.working = nil, len(batch)
		p.mu.Unlock()
		alive := process(batch)
		p.mu.Lock()
		p.working, p.broken = 0, !alive
		p.changed.Broadcast()
	}
	p.running = false
	p.changed.Broadcast()
}

// wait returns when nothing is under way. Nothing may be added any more.
func (p *pipeline) wait() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed.L = &p.mu
	for p.running {
		p.changed.Wait()
	}
}

// bucket is a token bucket that fills with time. It may owe tokens, which
// whoever took them has to wait for.
type bucket struct {
	rate   float64 // tokens per second; negative: no limit
	tokens float64
	at     time.Time
}

func newBucket(rate float64) bucket { return bucket{rate: rate, tokens: max(rate, 1), at: time.Now()} }

// take takes a token and returns how long to wait for it.
func (b *bucket) take() time.Duration {
	if b.rate < 0 {
		return 0
	}
	now := time.Now()
	b.tokens = min(b.tokens+now.Sub(b.at).Seconds()*b.rate, max(b.rate, 1)) - 1
	b.at = now
	return time.Duration(-b.tokens / b.rate * float64(time.Second))
}
