// Package jsonscan walks over JSON text (RFC 8259, UTF-8) without building
// anything: where a string, a number or a value ends, and whether it is right.
//
// The functions take the index at which something begins and return the one
// after its end. If the text is wrong at i, they return -1-i.
package jsonscan
