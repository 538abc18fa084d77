package pipeline

import "slices"

// chain checks that the activities form one chain from the channel to the data
// store, and puts them into its order.
func (l *loader) chain(path string) {
	if n := len(l.links); n > maxActivities {
		l.findings.quota(path, "%d activities, want at most %d", n, maxActivities)
	}
	named := l.named()
	if !l.semantics().LooseChain {
		for _, a := range l.links {
			l.checkNext(a, named)
		}
	}
	channel := l.only(path, TypeChannel)
	l.only(path, TypeDatastore)
	if channel == nil {
		return
	}
	reached := l.walk(channel, named)
	for _, a := range l.links {
		if !slices.Contains(reached, a) && !l.semantics().LooseChain {
			l.findings.fail(a.path, "activity %q is not reached from the channel", a.name)
		}
	}
	for _, a := range reached {
		l.pipeline.activities = append(l.pipeline.activities, a.activity)
	}
}

func (l *loader) named() map[string]*link {
	named := map[string]*link{}
	for _, a := range l.links {
		if named[a.name] != nil && a.name != "" {
			l.findings.fail(a.path, "there are two activities %q", a.name)
		}
		named[a.name] = a
	}
	return named
}

// only returns the only activity of a type, with a finding if there is none, or
// more than one.
func (l *loader) only(path string, kind ActivityType) (found *link) {
	n := 0
	for _, a := range l.links {
		if a.kind == kind {
			found = a
			n++
		}
	}
	if n != 1 {
		l.findings.fail(path, "want exactly one %s activity, got %d", kind, n)
		return nil
	}
	return found
}

// checkNext finds a next that is missing, or names nothing. The data store ends
// the chain.
func (l *loader) checkNext(a *link, named map[string]*link) {
	switch {
	case a.kind == TypeDatastore || a.unreadable:
	case a.next == "":
		l.findings.fail(a.path+".next", "activity %q has no next, and only the data store ends the chain", a.name)
	case named[a.next] == nil:
		l.findings.fail(a.path+".next", "there is no activity %q", a.next)
	}
}

// walk follows next from the channel.
func (l *loader) walk(channel *link, named map[string]*link) (reached []*link) {
	for a := channel; ; {
		reached = append(reached, a)
		next := named[a.next]
		if l.semantics().LooseChain { // else it has been found already
			l.checkNext(a, named)
		}
		switch {
		case a.kind == TypeDatastore || a.next == "" || next == nil:
			return reached
		case slices.Contains(reached, next):
			l.findings.fail(a.path+".next", "the chain comes back to activity %q", a.next)
			return reached
		}
		a = next
	}
}
