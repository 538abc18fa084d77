// Package archtest holds the rules of the house that a compiler can't: who may
// import whom, what a package must have, and what no file may say. They run
// as tests, and each is proven on a made-up tree that breaks it.
package archtest
