package pipeline

// LoadChannel reads the definition of a channel in JSON: the body of
// CreateChannel, the answer of DescribeChannel, and both with capital letters.
// The error is a [*DefinitionError].
func LoadChannel(definition []byte, optFns ...func(*Options)) (*Channel, error) {
	l := newLoader(optFns)
	l.loadAs(ResourceChannel, definition)
	if _, err := l.result(); err != nil {
		return nil, err
	}
	return &l.channel, nil
}

// LoadDatastore reads the definition of a data store in JSON, in the forms of
// [LoadChannel]. The error is a [*DefinitionError].
func LoadDatastore(definition []byte, optFns ...func(*Options)) (*Datastore, error) {
	l := newLoader(optFns)
	l.loadAs(ResourceDatastore, definition)
	if _, err := l.result(); err != nil {
		return nil, err
	}
	return &l.datastore, nil
}

// LoadDataset reads the definition of a data set in JSON, in the forms of
// [LoadChannel]. The error is a [*DefinitionError].
func LoadDataset(definition []byte, optFns ...func(*Options)) (*Dataset, error) {
	l := newLoader(optFns)
	l.loadAs(ResourceDataset, definition)
	if _, err := l.result(); err != nil {
		return nil, err
	}
	return &l.dataset, nil
}

// loadAs reads the definition of a channel, data store or data set.
func (l *loader) loadAs(kind Resource, definition []byte) {
	top := parseDefinition(definition, &l.findings)
	switch {
	case top == nil:
	case top.kind != Object:
		l.findings.fail("", "want an object, got %s", kindNames[top.kind])
	default:
		l.resource(kind, l.object("", top))
	}
}
