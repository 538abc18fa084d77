package pipeline

// Defaults and limits of the engine.
const (
	// MaxDefinition is the limit of a definition's JSON text in bytes.
	MaxDefinition = 1 << 20
	// DefaultMaxDepth is the nesting that a payload may have.
	DefaultMaxDepth = 128
	// DefaultRetries is how often a failed call of a function, and a throttled
	// call of a registry or shadow store, is repeated.
	DefaultRetries = 2
	// DefaultLambdaBytes is how large the event of a function may be: what AWS
	// Lambda allows.
	DefaultLambdaBytes = 6 << 20
)

// Options change how a definition is loaded and run. The zero value is the
// default.
type Options struct {
	// Strict makes errors of what the service refused and the engine does not
	// need to: quotas, lengths and patterns of names.
	Strict bool
	// HasChannel and HasDatastore tell whether the channel and data store that
	// a pipeline names exist. Nil: they do.
	HasChannel, HasDatastore func(name string) bool
	// MaxDepth is how deep a payload may nest; deeper ones are invalid. Default:
	// [DefaultMaxDepth].
	MaxDepth int
	// Retries is how often a failed call is repeated at once (D-30, D-34).
	// Default: [DefaultRetries]; negative: never.
	Retries int
	// LambdaBytes is how large the event of a function may be; a larger batch is
	// split (D-31). Default: [DefaultLambdaBytes].
	LambdaBytes int
	// Semantics answers the questions that the service left open.
	Semantics Semantics
}

func (o *Options) setDefaults() {
	if o.MaxDepth <= 0 {
		o.MaxDepth = DefaultMaxDepth
	}
	if o.Retries == 0 {
		o.Retries = DefaultRetries
	}
	if o.LambdaBytes <= 0 {
		o.LambdaBytes = DefaultLambdaBytes
	}
}

// Semantics answers the questions that the documentation of the service leaves
// open, by the numbers of its reference. Each field turns away from the
// recommended answer, so that the zero value is the recommendation.
type Semantics struct {
	// PatternFieldNames (D-03): the pattern that was printed for field names
	// decides, which refuses a_b. Recommended: the sentences beside it decide,
	// see [CheckFieldName].
	PatternFieldNames bool
	// KeepFields (D-04): fields with invalid names, and those whose names differ
	// in case only, reach the data store. Recommended: the former are left
	// out, and of the latter all but the last.
	KeepFields bool
	// RootFieldsOnly (D-04): field names below the root are not looked at.
	// Recommended: the rule holds at all levels.
	RootFieldsOnly bool
	// OneFormOnly (D-07): a definition is the body of CreatePipeline with one
	// activity per entry, its names in camelCase. Recommended: all four forms are
	// read, see [Load].
	OneFormOnly bool
	// LooseChain (D-08): activities that the chain does not reach are left out.
	// Recommended: they are errors.
	LooseChain bool
	// OthersAreJSON (D-09): a payload that is JSON but no object reaches a
	// function as what it is. Recommended: like one that is no JSON, as Base64.
	OthersAreJSON bool
	// NoLiteralKeys (D-10): a path is never the name of a root attribute with
	// dots in it. Recommended: such an attribute comes first.
	NoLiteralKeys bool
	// ExactCase (D-11): names in paths are those of the message, letter by
	// letter. Recommended: else the only one that differs in case is taken.
	ExactCase bool
	// MissingDrops (D-12): addAttributes drops a message that lacks a source.
	// Recommended: it skips that attribute.
	MissingDrops bool
	// KeepExisting (D-13): addAttributes does not overwrite. Recommended: it
	// does.
	KeepExisting bool
	// LiteralTargets (D-14): the target of addAttributes may hold dots and
	// brackets, which mean nothing. Recommended: that is an error.
	LiteralTargets bool
	// RootRemoveOnly (D-15): removeAttributes takes names at the root only.
	// Recommended: it takes paths of members.
	RootRemoveOnly bool
	// IndexedSelect (D-16): selectAttributes calls coord[0] coord_0.
	// Recommended: an index at the end is an error.
	IndexedSelect bool
	// UndefinedPasses (D-17): a filter lets pass what it can't decide.
	// Recommended: it drops it.
	UndefinedPasses bool
	// RoundHalfUp (D-18): arithmetic rounds half away from zero. Recommended:
	// half to even.
	RoundHalfUp bool
	// DecimalDivision (D-19): Int / Int is a Decimal. Recommended: it is an Int,
	// cut toward zero.
	DecimalDivision bool
	// WholeLiteralsAreInts (D-20): the literal 5.0 is an Int. Recommended: a
	// Decimal.
	WholeLiteralsAreInts bool
	// ZeroDivisionDrops (D-21): a division by zero drops the message.
	// Recommended: it is undefined.
	ZeroDivisionDrops bool
	// StrictLogic (D-22): AND and OR of an undefined side are undefined.
	// Recommended: false AND x is false, true OR x is true.
	StrictLogic bool
	// Extensions (D-23, D-25): the language has != IS NULL, IN, BETWEEN, LIKE and the functions
	// floor, remainder, isNull, isUndefined, lower, upper, trim, length, concat,
	// startswith and endswith. Recommended: it has what was documented.
	Extensions bool
	// LooseNot: NOT a = b is NOT (a = b), as in standard SQL. Recommended: NOT
	// binds like a minus sign.
	LooseNot bool
	// DomainErrorDrops (D-24): the root of a negative number and the like drop the
	// message. Recommended: they are undefined.
	DomainErrorDrops bool
	// ErrorDrops (D-26, D-34): a math or enrich activity that fails drops the message.
	// Recommended: the message goes on without the attribute.
	ErrorDrops bool
	// LateSyntaxErrors (D-27): a malformed expression fails for each message.
	// Recommended: the definition does not load.
	LateSyntaxErrors bool
	// SingleMessages (D-28): functions get one message at a time. Recommended:
	// batchSize, or what is left at the end of the batch.
	SingleMessages bool
	// MismatchFails (D-29): a function that answers another number of messages
	// than it got has failed. Recommended: the answer is taken.
	MismatchFails bool
	// LiteralThings (D-32): if there is nothing at the path thingName, it is the
	// name of the thing. Recommended: it is a path only.
	LiteralThings bool
	// KeepBillingGroup (D-33): deviceRegistryEnrich adds billingGroupName.
	// Recommended: it leaves it out.
	KeepBillingGroup bool
	// SchemalessParquet (D-40): a data store may be of Parquet without a schema.
	// Recommended: that is an error.
	SchemalessParquet bool
}
