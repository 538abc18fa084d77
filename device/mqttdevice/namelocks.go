package mqttdevice

import "sync"

// nameLocks has a lock for each thing name that is in use. It orders the begin
// of a connection with the end of an older one of the same thing, which the
// server alone does not.
type nameLocks struct {
	mu    sync.Mutex
	locks map[string]*nameLock
}

type nameLock struct {
	mu    sync.Mutex
	users int
}

func (l *nameLocks) lock(name string) (unlock func()) {
	l.mu.Lock()
	if l.locks == nil {
		l.locks = map[string]*nameLock{}
	}
	lock := l.locks[name]
	if lock == nil {
		lock = &nameLock{}
		l.locks[name] = lock
	}
	lock.users++
	l.mu.Unlock()
	lock.mu.Lock()
	return func() {
		lock.mu.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		if lock.users--; lock.users == 0 {
			delete(l.locks, name)
		}
	}
}
