package lambdaevent

import "slices"

// AppendFailures writes the answer that Kinesis and SQS want with
// ReportBatchItemFailures on: the records that are to come again. failed are
// the places of those that failed, in order.
//
// Of a stream everything from the first one on comes again, so it is named
// alone. In a FIFO queue what follows a failed message of its group fails as
// well, so that the order is kept.
func (e *Event) AppendFailures(b []byte, failed []int) []byte {
	b = append(b, `{"batchItemFailures":[`...)
	switch {
	case len(failed) == 0:
	case e.Source == Kinesis:
		b = appendItem(b, e.Records[failed[0]].Item, true)
	default:
		for n, place := range e.withGroups(failed) {
			b = appendItem(b, e.Records[place].Item, n == 0)
		}
	}
	return append(b, "]}"...)
}

func appendItem(b, item []byte, first bool) []byte {
	if !first {
		b = append(b, ',')
	}
	b = append(b, `{"itemIdentifier":"`...)
	return append(append(b, item...), `"}`...)
}

// withGroups adds what follows in the groups of failed records.
func (e *Event) withGroups(failed []int) (all []int) {
	groups := map[string]bool{}
	for n := failed[0]; n < len(e.Records); n++ {
		_, own := slices.BinarySearch(failed, n)
		group := e.Records[n].Group
		if !own && (group == "" || !groups[group]) {
			continue
		}
		groups[group] = true
		all = append(all, n)
	}
	return all
}
