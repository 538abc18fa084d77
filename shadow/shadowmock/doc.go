// Package shadowmock holds the generated mock of shadow.Shadows, for tests of
// code that uses it.
package shadowmock
