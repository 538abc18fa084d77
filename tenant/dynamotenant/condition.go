package dynamotenant

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/iotenant/iotenant/tenant"
)

// Expressions of conditions. An item that has expired counts as absent; exp is
// absent of items that never do.
const (
	isAlive    = "attribute_not_exists(exp) OR exp > :now"
	isAbsent   = "attribute_not_exists(pk) OR exp <= :now"
	isPresent  = "attribute_exists(pk) AND (" + isAlive + ")"
	hasVersion = "ver = :ver AND (" + isAlive + ")"
)

// expression is a condition with its values, in the form of the SDK's requests.
type expression struct {
	text   *string
	values attributes
	// old asks for the stored item where the condition doesn't hold.
	old types.ReturnValuesOnConditionCheckFailure
}

// expressionOf returns the expression of a condition at now, the zero one for
// Always.
func expressionOf(cond tenant.Condition, now time.Time) expression {
	e := expression{values: attributes{":now": seconds(now)}, old: types.ReturnValuesOnConditionCheckFailureAllOld}
	switch cond.Kind() {
	case tenant.KindAbsent:
		e.text = aws.String(isAbsent)
	case tenant.KindPresent:
		e.text = aws.String(isPresent)
	case tenant.KindVersion:
		e.text = aws.String(hasVersion)
		e.values[":ver"] = number(uint64(cond.Version()))
	default:
		return expression{}
	}
	return e
}

// unmet returns what a condition that doesn't hold means.
func unmet(cond tenant.Condition) error {
	switch cond.Kind() {
	case tenant.KindAbsent:
		return tenant.ErrExists
	case tenant.KindPresent:
		return tenant.ErrNotFound
	default:
		return tenant.ErrVersion
	}
}
