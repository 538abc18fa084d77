package cfn

// Shape is the type of a property.
type Shape struct {
	kind    shapeKind
	members map[string]Shape
	item    *Shape
	unused  bool
	bare    bool
}

type shapeKind uint8

const (
	verbatim shapeKind = iota
	textShape
	integerShape
	numberShape
	booleanShape
	listShape
	objectShape
)

// The shapes of scalars, and Any, which is written as it is.
var (
	Any     = Shape{kind: verbatim}
	Text    = Shape{kind: textShape}
	Integer = Shape{kind: integerShape}
	Number  = Shape{kind: numberShape}
	Boolean = Shape{kind: booleanShape}
)

// List returns the shape of a list of items.
func List(item Shape) Shape { return Shape{kind: listShape, item: &item} }

// Object returns the shape of an object with these members, by their names in
// a template.
func Object(members map[string]Shape) Shape { return Shape{kind: objectShape, members: members} }

// API returns the shape with the names that the service's API has: in
// camelCase.
func API(s Shape) Shape {
	if s.item != nil {
		item := API(*s.item)
		s.item = &item
	}
	if s.members != nil {
		members := map[string]Shape{}
		for name, member := range s.members {
			members[lowerFirst(name)] = API(member)
		}
		s.members = members
	}
	return s
}

// Unused returns the shape for a property that nobody needs: what can't be
// resolved in it is left out, with a warning.
func Unused(s Shape) Shape {
	s.unused = true
	return s
}

// Bare returns the shape of the properties of a resource that needs none: it may
// stand without Properties.
func Bare(s Shape) Shape {
	s.bare = true
	return s
}
