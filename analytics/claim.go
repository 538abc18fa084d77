package analytics

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// claim is the right to work on a data set, until a time.
type claim struct {
	Dataset string    `json:"dataset"`
	Token   string    `json:"token"`
	Until   time.Time `json:"until"`
}

const (
	// claimLease is how long a claim stands that is not renewed: after that its
	// process is taken for ended.
	claimLease = time.Minute
	// claimRenewals is how often it is renewed in that time.
	claimRenewals = 3
)

var errClaimLost = errors.New("analytics: the claim on a data set was lost")

// claim gives the right to make a content: to one at a time for a data set, to
// DatasetsOptions.Concurrent for a tenant. It returns false if others have it.
func (d *Datasets) claim(ctx context.Context, id tenant.ID, dataset string) (token string, ok bool, err error) {
	mine := claim{Dataset: strings.ToLower(dataset), Token: newVersion()}
	_, err = d.changeItem(ctx, id, datasetState{}, func(s *datasetState) error {
		now := d.now()
		s.Claims = slices.DeleteFunc(s.Claims, func(c claim) bool { return !c.Until.After(now) })
		taken := slices.ContainsFunc(s.Claims, func(c claim) bool { return c.Dataset == mine.Dataset })
		if ok = !taken && len(s.Claims) < d.options.Concurrent; !ok {
			return errUnchanged
		}
		mine.Until = now.Add(claimLease)
		s.Claims = append(s.Claims, mine)
		return nil
	})
	return mine.Token, ok && err == nil, err
}

func (d *Datasets) renew(ctx context.Context, id tenant.ID, token string) error {
	_, err := d.update(ctx, id, claimsKey, func(s *datasetState) error {
		i := slices.IndexFunc(s.Claims, func(c claim) bool { return c.Token == token })
		if i < 0 {
			return errClaimLost
		}
		s.Claims[i].Until = d.now().Add(claimLease)
		return nil
	})
	return err
}

// release gives a claim back. If that fails, it runs out.
func (d *Datasets) release(ctx context.Context, id tenant.ID, token string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), concludeTimeout)
	defer cancel()
	_, err := d.update(ctx, id, claimsKey, func(s *datasetState) error {
		s.Claims = slices.DeleteFunc(s.Claims, func(c claim) bool { return c.Token == token })
		return nil
	})
	if err != nil {
		d.log(ctx, id, "a claim on a data set could not be given back", err)
	}
}

// holding calls work while it renews a claim. The context of work ends when the
// claim is lost: others may have taken over then.
func (d *Datasets) holding(ctx context.Context, id tenant.ID, token string, work func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.keepClaim(ctx, id, token, cancel)
	}()
	err := work(ctx)
	cancel(nil)
	<-ended
	return err
}

func (d *Datasets) keepClaim(ctx context.Context, id tenant.ID, token string, lose context.CancelCauseFunc) {
	ticker := time.NewTicker(claimLease / claimRenewals)
	defer ticker.Stop()
	held := d.now().Add(claimLease)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		switch err := d.renew(ctx, id, token); {
		case err == nil:
			held = d.now().Add(claimLease)
		case errors.Is(err, errClaimLost) || !held.After(d.now()):
			lose(errClaimLost)
			return
		}
	}
}
