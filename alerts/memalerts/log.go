package memalerts

import (
	"context"
	"log/slog"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/tenant"
)

// Log is a notifier that writes alerts to a log, at level Warn.
type Log struct{ logger *slog.Logger }

var _ alerts.Notifier = (*Log)(nil)

// NewLog returns a notifier that writes to logger.
func NewLog(logger *slog.Logger) *Log { return &Log{logger} }

// Notify implements [alerts.Notifier]. The only error is tenant.ErrID or that
// of ctx.
func (l *Log) Notify(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
	if err := id.Check(); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	l.logger.LogAttrs(ctx, slog.LevelWarn, "alert",
		slog.String("tenant", id.String()),
		slog.String("id", alert.ID),
		slog.String("model", alert.Model),
		slog.String("key", alert.Key),
		slog.String("event", alert.Event),
		slog.String("state", alert.State),
		slog.Time("at", alert.At),
		slog.String("kind", string(alert.Kind)),
		slog.String("target", alert.Target),
		slog.String("payload", alert.Payload),
	)
	return nil
}
