// Package pipeline runs the pipelines of AWS IoT Analytics: bytes in, messages
// out. It knows no service, storage, clock, goroutine or tenant; package
// analytics builds channels and data stores around it.
//
// # A pipeline
//
// [Load] reads the JSON that people have and checks all of it: the error is a
// [*DefinitionError] with every finding, its path, and in an expression the
// place with a caret. [Check] does the same for channels, data stores and data
// sets, as the service would have; [LoadChannel], [LoadDatastore] and
// [LoadDataset] read them. A [Pipeline] does not change and is safe for concurrent use:
//
//	p, err := pipeline.Load(definition)
//	if err != nil {
//		return err
//	}
//	var batch pipeline.Batch
//	if err := p.Run(ctx, &pipeline.Environment{Functions: functions}, &batch, payloads); err != nil {
//		return err
//	}
//	for i := range batch.Len() {
//		line = batch.At(i).AppendJSON(line[:0]) // {"humidity":52,"temp":68,"tempC":20}
//	}
//	for _, event := range batch.Events() {
//		// count event.Reason of event.Activity
//	}
//
// A [Batch] is reused, and then allocates nothing for messages that go through
// add, remove, select, filter and math activities.
//
// # Messages
//
// A message is a JSON object in UTF-8. What an activity does not touch stays as
// it came: the order of attributes, the text of numbers and strings. Of members
// of the same name the last value counts. A payload that is no object can only be taken by a lambda
// activity, as a string in Base64; any other activity drops it. A message
// without attributes is dropped.
//
// # Activities
//
//   - addAttributes copies from a path to an attribute at the root.
//   - removeAttributes removes attributes and members.
//   - selectAttributes makes a flat message of paths, named by their last
//     segments.
//   - filter lets pass what its expression is true for.
//   - math writes the number that its expression gives to an attribute at the
//     root: at the end, or over the one that is there.
//   - lambda gives up to batchSize messages to a function, which answers the new
//     ones.
//   - deviceRegistryEnrich and deviceShadowEnrich add what is known of the thing
//     whose name is at the path thingName.
//   - channel and datastore begin and end the chain. At its end, fields go whose names
//     can't be columns, see [CheckFieldName]; of fields whose names
//     differ only in case the last one stays.
//
// # Paths
//
// A path is name('.'name | '['digits']')*, such as device.coord[0]. A name in
// backticks or double quotes may hold anything. A root attribute whose name is
// the whole path comes first. A name is looked up letter by letter, then as the
// only one that differs in case.
//
// # Expressions
//
// The language of filter and math is the SQL of AWS IoT, version 2016-03-23:
//
//	OR
//	AND
//	= <> < <= > >=
//	+ -
//	* / %
//	NOT, - before an operand
//
// with CASE v WHEN t THEN r ELSE e END, paths, numbers, 'strings' and "strings",
// TRUE, FALSE, NULL, arrays and objects, and the functions abs, acos, asin, atan, atan2,
// ceil, cos, cosh, exp, ln, log (base 10), mod, power, round, sign, sin, sinh, sqrt,
// tan, tanh and trunc. Words are read in any case.
//
// A value is undefined, Null, or a Boolean, Int, Decimal, String, Array or
// Object. A number of a message that is whole is an Int, also 10.0; a literal
// with a point or exponent is a Decimal. Arithmetic is decimal, with 34 digits, half to even, between 1E-999 and
// 9.99E999: 21 * 1.8 + 32 is 69.8. Int / Int is an Int, cut toward zero. A String
// that is a number counts as a Decimal, but + with a String concatenates.
// Functions that have no exact result compute in double precision: they give the
// nearest float64, as its shortest decimal. What can't be
// computed is undefined, and so is a call with a wrong number of arguments, which
// is a finding, a number of more than 1,200 characters, and an attribute that is missing; a comparison
// with it is undefined, while false AND x is false and true OR x is true.
//
// # What the service left open
//
// [Semantics] lists the questions that the documentation leaves open, by the
// numbers D-03 to D-40 of the decisions that were taken, each with its
// recommended answer, which is the default.
//
// # Calls
//
// Lambda and enrich activities call an [Environment], which belongs to one
// tenant. A call that fails is tried again at once, [Options].Retries times. The
// messages of a function that fails are in [Batch.Failures], with what the event
// said that the service sent. [NewRegistryCache] and [NewShadowCache] keep
// answers for a while.
package pipeline
