// Command local is a complete multitenant IoT backend in one process, with no
// AWS account: users sign in, devices connect by MQTT, telemetry is kept,
// detector models, alarm models and rules raise alerts, commands go out through
// shadows, pipelines fill data stores, data sets ask them in SQL. Clients of AWS
// IoT Events and AWS IoT Analytics find their services, too.
//
//	go run ./examples/local
//
// The first start makes two tenants, with users, devices, models and access
// keys, and prints what to try. Everything is kept in the data folder.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

type flags struct {
	config
	replay     string
	speed      float64
	simulation simulation
	logLevel   string
}

func parseFlags(args []string) (flags, error) {
	var f flags
	set := flag.NewFlagSet("local", flag.ContinueOnError)
	set.StringVar(&f.http, "http", "127.0.0.1:8080", "`address` of the HTTP API")
	set.StringVar(&f.mqtt, "mqtt", "127.0.0.1:1883", "`address` for MQTT over TCP")
	set.StringVar(&f.mqtts, "mqtts", "127.0.0.1:8883", "`address` for MQTT over TLS with client certificates; empty for none")
	set.StringVar(&f.data, "data", "iotenant-data", "`folder` in which everything is kept")
	set.Float64Var(&f.rate, "rate", noRate, "messages per second that one device may publish (default no limit; AWS IoT Core: 100)")
	set.StringVar(&f.webhook, "webhook", "", "`URL` to which alerts are posted, signed")
	set.StringVar(&f.mail.server, "smtp", "", "`host:port` of a mail server to which alerts are sent, encrypted unless it is on this machine")
	set.StringVar(&f.mail.from, "mail-from", "Alerts <alerts@localhost>", "`sender` of the e-mails")
	set.StringVar(&f.mail.to, "mail-to", "", "`addresses` to which they go, separated by commas; {tenant} stands for the tenant")
	set.IntVar(&f.actionLimit, "action-limit", 6000, "`number` of actions of a tenant that are delivered in a minute; 0 for no limit")
	set.IntVar(&f.retention, "retention-days", 90, "`days` that telemetry is kept; 0 for ever. Channels and data stores have their own retentionPeriod")
	set.DurationVar(&f.feed, "feed", 5*time.Second, "how often telemetry goes to the channels")
	set.StringVar(&f.worker, "sql-worker", "", "`program` that answers SQL (default "+sqlWorker+" in the path for programs, or bin/"+sqlWorker+")")
	set.StringVar(&f.replay, "replay", "", "CSV `file` with the header timestamp,value, which the device machine-1 of tenant north sends")
	set.Float64Var(&f.speed, "speed", 0, "how many times faster than recorded to replay (default as fast as it is acknowledged)")
	set.IntVar(&f.simulation.devices, "devices", 4, "`number` of simulated devices")
	set.Uint64Var(&f.simulation.seed, "seed", 1, "seed of the simulation")
	set.DurationVar(&f.simulation.interval, "interval", 2*time.Second, "how often a simulated device reports")
	set.StringVar(&f.logLevel, "log", "warn", "`level` of the structured log on standard error: debug, info, warn, error, off")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	switch {
	case set.NArg() > 0:
		return f, fmt.Errorf("unexpected argument %q", set.Arg(0))
	case f.simulation.devices < 0 || f.simulation.interval <= 0 || f.feed <= 0 || !(f.speed >= 0):
		return f, errors.New("-devices and -speed must not be negative, -interval and -feed must be positive")
	case f.actionLimit < 0:
		return f, errors.New("-action-limit must not be negative")
	case f.rate != noRate && !(f.rate > 0):
		return f, errors.New("-rate must be positive, or -1 for no limit")
	}
	if err := checkWebhook(f.webhook); err != nil {
		return f, err
	}
	if err := f.mail.check(); err != nil {
		return f, err
	}
	logger, err := newLogger(f.logLevel)
	f.logger = logger
	return f, err
}

// noRate is the -rate that means no limit.
const noRate = -1

// checkWebhook refuses what no alert could ever be posted to.
func checkWebhook(text string) error {
	if text == "" {
		return nil
	}
	address, err := url.Parse(text)
	if err != nil {
		return fmt.Errorf("-webhook: %w", err)
	}
	if address.Scheme != "http" && address.Scheme != "https" || address.Host == "" {
		return fmt.Errorf("-webhook: %q is no URL like http://127.0.0.1:9000/alerts", text)
	}
	return nil
}

func newLogger(level string) (*slog.Logger, error) {
	if level == "off" {
		return slog.New(slog.DiscardHandler), nil
	}
	var parsed slog.Level
	if err := parsed.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("-log: want debug, info, warn, error or off, not %q", level)
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: parsed})), nil
}

func main() {
	f, err := parseFlags(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = serve(ctx, f, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// serve runs the system until ctx ends.
func serve(ctx context.Context, f flags, out *os.File) (err error) {
	var recorded *os.File
	if f.replay != "" {
		if recorded, err = os.Open(f.replay); err != nil {
			return fmt.Errorf("-replay: %w", err)
		}
		defer recorded.Close()
	}
	s, err := open(f.config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.seed(ctx); err != nil {
		return err
	}
	if err := f.simulation.prepare(ctx, s); err != nil {
		return err
	}
	s.guide(out, f.simulation.devices)

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.run(ctx) })
	group.Go(func() error { return f.simulation.run(ctx, s) })
	group.Go(func() error { s.status(ctx, out); return nil })
	if recorded != nil {
		group.Go(func() error { return s.replay(ctx, recorded, f.speed, out) })
	}
	return group.Wait()
}

func hostPort(address string) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address, ""
	}
	return host, port
}
