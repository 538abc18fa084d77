// Package alertstest helps to test what implements or uses package alerts.
//
// [TestNotifier] checks the contract of alerts.Notifier, one subtest for each
// sentence. A notifier runs it in its tests:
//
//	func TestPager(t *testing.T) {
//		alertstest.TestNotifier(t, func(t *testing.T) alertstest.Harness {
//			receiver := newFakePager(t)
//			return alertstest.Harness{
//				Notifier: pager.New(receiver.URL),
//				Received: receiver.AlertIDs,
//				Refuse:   receiver.Refuse,
//				Hang:     receiver.Hang,
//			}
//		})
//	}
//
// [Recorder] and [Clock] are for those who test their models and what happens
// around them: a runtime over memtenant with the clock as its Now, and
// Runtime.Sweep after each step of the clock, needs neither sleeps nor
// goroutines. [Faulty] shows what a program does when a receiver fails, also
// after it has accepted.
package alertstest
