// Command attackprove proves that the isolation suite would notice. It
// disables each guard of a list in turn, by an overlay of the build and never
// by a switch in production code, and runs the attacks that the guard wards
// off: they must fail then, by an assertion of their own.
//
//	go run ./internal/attackprove [-v] [-run REGEXP]
//
// To add a guard, add it to a list in this package: the file, the statement
// that guards, what stands there instead, and the tests named TestAttack...
// that must fail without it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "attackprove:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("attackprove", flag.ContinueOnError)
	verbose := flags.Bool("v", false, "print what the tests print")
	selection := flags.String("run", "", "only guards whose name matches")
	parallel := flags.Int("parallel", runtime.NumCPU(), "guards at a time")
	timeout := flags.Duration("timeout", time.Minute, "for the tests of one guard")
	if err := flags.Parse(args); err != nil {
		return err
	}
	selected, err := regexp.Compile(*selection)
	if err != nil {
		return err
	}
	chosen := slices.DeleteFunc(slices.Clone(guards), func(g guard) bool { return !selected.MatchString(g.name) })
	if len(chosen) == 0 {
		return fmt.Errorf("no guard matches %q", *selection)
	}

	p := prover{dir: ".", parallel: *parallel, timeout: *timeout}
	failed := 0
	for _, v := range p.prove(ctx, chosen) {
		fmt.Fprintln(out, v)
		if v.err != nil {
			failed++
		}
		if *verbose || v.err != nil {
			fmt.Fprint(out, v.output)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d guards are not proven", failed, len(chosen))
	}
	fmt.Fprintf(out, "%d guards proven: without each, a named attack succeeds\n", len(chosen))
	return ctx.Err()
}
