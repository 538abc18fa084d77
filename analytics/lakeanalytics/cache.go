package lakeanalytics

import (
	"container/list"
	"strings"
	"sync"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// cache keeps the tables that were used last. Those in use are never dropped.
type cache struct {
	mu     sync.Mutex
	tables map[owner]*table
	idle   *list.List // of tables, the one that was used last in front
	size   int        // of the idle ones, in bytes
	limit  int        // of tables
	bytes  int
}

func (c *cache) init(limit, bytes int) {
	c.tables, c.idle, c.limit, c.bytes = map[owner]*table{}, list.New(), limit, bytes
}

// acquire returns a table until it is released.
func (c *cache) acquire(l *Lake, id tenant.ID, name analytics.TableID) *table {
	key := owner{id, analytics.TableID{Kind: name.Kind, Name: strings.ToLower(name.Name)}}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[key]
	if t == nil {
		t = newTable(l, key)
		c.tables[key] = t
	}
	if t.users++; t.place != nil {
		c.idle.Remove(t.place)
		c.size -= t.size
		t.place = nil
	}
	return t
}

func (c *cache) release(t *table) {
	size := t.bytes()
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.users--; t.users > 0 {
		return
	}
	t.size, t.place = size, c.idle.PushFront(t)
	c.size += size
	for c.idle.Len() > 0 && (c.size > c.bytes || c.idle.Len() > c.limit) {
		oldest := c.idle.Remove(c.idle.Back()).(*table)
		c.size -= oldest.size
		delete(c.tables, oldest.owner)
	}
}
