package memtenant

import (
	"iter"
	"slices"
	"sort"
)

// sorted is a map in key order. Its entries stand in chunks of bounded length,
// so that adding one moves few others.
type sorted[V any] struct {
	chunks [][]entry[V] // none is empty
	length int
}

type entry[V any] struct {
	key   string
	value V
}

const maxChunk = 256

// find returns where key is, or where it belongs.
func (s *sorted[V]) find(key string) (chunk, position int, found bool) {
	chunk = sort.Search(len(s.chunks), func(i int) bool { return s.chunks[i][0].key > key }) - 1
	if chunk < 0 {
		return 0, 0, false
	}
	entries := s.chunks[chunk]
	position = sort.Search(len(entries), func(i int) bool { return entries[i].key >= key })
	return chunk, position, position < len(entries) && entries[position].key == key
}

func (s *sorted[V]) get(key string) (value V, ok bool) {
	chunk, position, found := s.find(key)
	if !found {
		return value, false
	}
	return s.chunks[chunk][position].value, true
}

func (s *sorted[V]) put(key string, value V) {
	chunk, position, found := s.find(key)
	if found {
		s.chunks[chunk][position].value = value
		return
	}
	if len(s.chunks) == 0 {
		s.chunks = append(s.chunks, nil)
	}
	s.chunks[chunk] = slices.Insert(s.chunks[chunk], position, entry[V]{key, value})
	s.length++
	if entries := s.chunks[chunk]; len(entries) > maxChunk {
		s.chunks[chunk] = slices.Clone(entries[:maxChunk/2])
		s.chunks = slices.Insert(s.chunks, chunk+1, slices.Clone(entries[maxChunk/2:]))
	}
}

func (s *sorted[V]) remove(key string) {
	chunk, position, found := s.find(key)
	if !found {
		return
	}
	s.chunks[chunk] = slices.Delete(s.chunks[chunk], position, position+1)
	s.length--
	if len(s.chunks[chunk]) == 0 {
		s.chunks = slices.Delete(s.chunks, chunk, chunk+1)
	}
}

// ascend yields the entries with from <= key < to in order; empty to means no
// bound.
func (s *sorted[V]) ascend(from, to string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		chunk, position, _ := s.find(from)
		for ; chunk < len(s.chunks); chunk, position = chunk+1, 0 {
			for _, e := range s.chunks[chunk][position:] {
				if to != "" && e.key >= to || !yield(e.key, e.value) {
					return
				}
			}
		}
	}
}

// descend yields the same entries as ascend in reverse order.
func (s *sorted[V]) descend(from, to string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		chunk, position, _ := s.find(to)
		if to == "" {
			chunk, position = len(s.chunks), 0
		}
		for {
			for position == 0 {
				if chunk--; chunk < 0 {
					return
				}
				position = len(s.chunks[chunk])
			}
			position--
			e := s.chunks[chunk][position]
			if e.key < from || !yield(e.key, e.value) {
				return
			}
		}
	}
}
