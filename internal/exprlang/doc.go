// Package exprlang holds the stages that the expression languages of this
// module share: text to syntax tree, and errors that show the place. It knows
// operators by a [Dialect] and no domain: what a name, a path or a function
// means is up to the package that walks the tree.
package exprlang
