package alerts

import (
	"context"
	"fmt"
	"strings"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// ErrTarget: an action names a target that its tenant may not use.
var ErrTarget = fmt.Errorf("alerts: %w target", iotenant.ErrDenied)

// Targets decides where the actions of a tenant may go. Models are the
// tenant's, the account in which a target lies is the platform's: so every
// notifier that acts in an account asks. target is what the model names: an
// ARN, the URL of a queue, the name of a stream or a table. Targets returns the
// one to use, or [ErrTarget].
type Targets func(ctx context.Context, id tenant.ID, target string) (string, error)

// resourceSeparator lies outside the alphabet of tenant ids, so no tenant's
// resource can be taken for that of another.
const resourceSeparator = "_"

// ResourceName is the name of a tenant's resource in a shared account:
// "acme_alarms". [OwnTargets] accepts it, and only from its tenant.
func ResourceName(id tenant.ID, name string) string { return id.String() + resourceSeparator + name }

// OwnTargets is a [Targets] for models that name their tenant's own resources,
// as [ResourceName] does: the last part of an ARN or URL, after ':' or '/', has
// the tenant as its first part.
func OwnTargets(_ context.Context, id tenant.ID, target string) (string, error) {
	if err := id.Check(); err != nil {
		return "", err
	}
	if rest, ok := strings.CutPrefix(resourceOf(target), id.String()+resourceSeparator); !ok || rest == "" {
		return "", fmt.Errorf("%w: the resource's name does not begin with the tenant's", ErrTarget)
	}
	return target, nil
}

// ToOwnTargets is a [Targets] for models that came from an account of their
// tenant's own: whatever they name is replaced by the tenant's resource of that
// name here. prefix is what comes before the name, such as
// "arn:aws:sns:eu-west-1:123456789012:".
func ToOwnTargets(prefix string) Targets {
	return func(_ context.Context, id tenant.ID, target string) (string, error) {
		if err := id.Check(); err != nil {
			return "", err
		}
		name := resourceOf(target)
		if name == "" {
			return "", fmt.Errorf("%w: no name", ErrTarget)
		}
		return prefix + ResourceName(id, name), nil
	}
}

// ToOneTarget is a [Targets] that sends everything to one resource, in which
// messages are told apart by their tenant attribute. Who may read it reads
// the messages of all tenants.
func ToOneTarget(target string) Targets {
	return func(_ context.Context, id tenant.ID, _ string) (string, error) { return target, id.Check() }
}

// resourceOf returns the last part of a target, the resource's name.
func resourceOf(target string) string { return target[strings.LastIndexAny(target, ":/")+1:] }
