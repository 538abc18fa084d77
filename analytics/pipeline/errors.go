package pipeline

import (
	"fmt"

	"github.com/iotenant/iotenant"
)

// Sentinel errors of this package. Each wraps a kind of package iotenant.
var (
	// ErrDefinition: a definition can't run. The error that [Load] returns is a
	// [*DefinitionError] with all findings.
	ErrDefinition = fmt.Errorf("pipeline: %w definition", iotenant.ErrInvalid)
	// ErrSchedule: the expression is no schedule.
	ErrSchedule = fmt.Errorf("pipeline: %w schedule", iotenant.ErrInvalid)
	// ErrFieldName: the name can't be one of an attribute in a data store.
	ErrFieldName = fmt.Errorf("pipeline: %w field name", iotenant.ErrInvalid)
	// ErrAnswer: a function answered something else than an array of objects,
	// or a registry or shadow store something else than an object.
	ErrAnswer = fmt.Errorf("pipeline: %w answer", iotenant.ErrInvalid)
	// ErrCount: a function answered another number of messages than it got, and
	// [Semantics].MismatchFails is set.
	ErrCount = fmt.Errorf("pipeline: %w number of messages", iotenant.ErrInvalid)
	// ErrEnvironment: the pipeline has an activity for which the [Environment]
	// has nothing.
	ErrEnvironment = fmt.Errorf("pipeline: %w in this environment", iotenant.ErrUnsupported)
)
