package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iotenant/iotenant/alerts/detector"
)

// modelFlags say which model to load, and how.
type modelFlags struct {
	model     string
	inputs    []string
	resource  string
	template  templateValues
	strict    bool
	semantics detector.Semantics
	// standIns: what a template leaves open is stood for by its name.
	standIns bool
}

// templateValues are what a deployment would give to a template.
type templateValues struct {
	parameters, values, imports map[string]string
	region, account             string
}

func (v *templateValues) register(set *flag.FlagSet) {
	*v = templateValues{parameters: map[string]string{}, values: map[string]string{}, imports: map[string]string{}}
	set.Func("parameter", "`Name=Value` of a template parameter", assign(v.parameters))
	set.Func("value", "`LogicalID[.Attribute]=Value` of a reference in a template", assign(v.values))
	set.Func("import", "`Export=Value` of another stack", assign(v.imports))
	set.StringVar(&v.region, "region", "", "AWS::Region of a template (default us-east-1)")
	set.StringVar(&v.account, "account", "", "AWS::AccountId of a template (default 123456789012)")
}

func (m *modelFlags) register(set *flag.FlagSet) {
	set.StringVar(&m.model, "model", "", "model `file`: JSON of the service, or a CloudFormation template")
	set.Func("inputs", "`files` that declare inputs", func(name string) error {
		m.inputs = append(m.inputs, name)
		return nil
	})
	set.StringVar(&m.resource, "resource", "", "logical id or `name` of the model in a template")
	m.template.register(set)
	set.BoolVar(&m.strict, "strict", false, "enforce the quotas of the service")
	set.Func("semantics", "`names` of fields of detector.Semantics to set", setFields(&m.semantics))
}

func assign(to map[string]string) func(string) error {
	return func(text string) error {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return errors.New("want Name=Value")
		}
		to[name] = value
		return nil
	}
}

// setFields sets fields of a struct of Booleans by their names.
func setFields(semantics any) func(names string) error {
	return func(names string) error {
		fields := reflect.ValueOf(semantics).Elem()
		for name := range strings.SplitSeq(names, ",") {
			field := fields.FieldByName(name)
			if !field.IsValid() {
				var all []string
				for i := range fields.NumField() {
					all = append(all, fields.Type().Field(i).Name)
				}
				return fmt.Errorf("want one of %s", strings.Join(all, ", "))
			}
			field.SetBool(true)
		}
		return nil
	}
}

// detectorFlags are those of the command detector.
type detectorFlags struct {
	modelFlags
	messages string
	until    time.Time // zero: the last line
	format   string
	changes  bool
	svg      string

	data, tenant string
	from, to     time.Time
}

func parseDetectorFlags(args []string, errOut io.Writer) (*detectorFlags, error) {
	f := &detectorFlags{modelFlags: modelFlags{standIns: true}}
	set := newFlagSet("detector", errOut)
	f.register(set)
	set.StringVar(&f.messages, "messages", "", "messages and operations, a JSON object per line; - is standard input")
	set.Func("until", "`seconds`: let timers fire until then", parseSeconds(&f.until))
	set.StringVar(&f.format, "format", "json", "json or text")
	set.BoolVar(&f.changes, "changes", false, "only evaluations that changed or decided something")
	set.StringVar(&f.svg, "svg", "", "`file` for a timeline of the states")
	set.StringVar(&f.data, "data", "", "`folder` of stored telemetry, instead of -messages")
	set.StringVar(&f.tenant, "tenant", "", "`id` of the tenant whose telemetry it is")
	set.Func("from", "`time` of the first stored message", parseTime(&f.from))
	set.Func("to", "`time` before which stored messages were received", parseTime(&f.to))
	if err := parse(set, args); err != nil {
		return nil, err
	}
	switch {
	case f.model == "":
		return nil, errors.New("-model is missing")
	case (f.messages == "") == (f.data == ""):
		return nil, errors.New("want either -messages or -data")
	case (f.data == "") != (f.tenant == ""):
		return nil, errors.New("-data and -tenant go together")
	case f.data == "" && !(f.from.IsZero() && f.to.IsZero()):
		return nil, errors.New("-from and -to are for -data")
	case f.format != "json" && f.format != "text":
		return nil, fmt.Errorf("-format is %q, want json or text", f.format)
	}
	return f, nil
}

// validateFlags are those of the command validate.
type validateFlags struct {
	modelFlags
	definition string
	format     string
}

func parseValidateFlags(args []string, errOut io.Writer) (*validateFlags, error) {
	f := &validateFlags{}
	set := newFlagSet("validate", errOut)
	f.register(set)
	set.StringVar(&f.definition, "definition", "", "`file` of a pipeline, channel, data store or data set, instead of -model")
	set.StringVar(&f.format, "format", "text", "json or text")
	if err := parse(set, args); err != nil {
		return nil, err
	}
	switch {
	case (f.model == "") == (f.definition == ""):
		return nil, errors.New("want either -model or -definition")
	case f.format != "json" && f.format != "text":
		return nil, fmt.Errorf("-format is %q, want json or text", f.format)
	}
	return f, nil
}

func newFlagSet(name string, errOut io.Writer) *flag.FlagSet {
	set := flag.NewFlagSet("backtest "+name, flag.ContinueOnError)
	set.SetOutput(errOut)
	return set
}

func parse(set *flag.FlagSet, args []string) error {
	if err := set.Parse(repeatInputs(args)); err != nil {
		return err
	}
	if set.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	return nil
}

// repeatInputs writes -inputs before each of the files that follow one.
func repeatInputs(args []string) []string {
	var all []string
	for rest := args; len(rest) > 0; {
		arg := rest[0]
		rest = rest[1:]
		all = append(all, arg)
		if arg != "-inputs" && arg != "--inputs" || len(rest) == 0 {
			continue
		}
		all = append(all, rest[0])
		n := slices.IndexFunc(rest[1:], func(next string) bool { return strings.HasPrefix(next, "-") }) + 1
		if n == 0 {
			n = len(rest)
		}
		for _, name := range rest[1:n] {
			all = append(all, arg, name)
		}
		rest = rest[n:]
	}
	return all
}

func parseSeconds(to *time.Time) func(string) error {
	return func(text string) error {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return errors.New("want seconds")
		}
		at, ok := instant(seconds)
		if !ok {
			return errors.New("out of range")
		}
		*to = at
		return nil
	}
}

// parseTime reads RFC 3339, or seconds.
func parseTime(to *time.Time) func(string) error {
	seconds := parseSeconds(to)
	return func(text string) error {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			*to = at
			return nil
		}
		if err := seconds(text); err != nil {
			return errors.New("want a time such as 2026-01-31T12:00:00Z, or seconds since 1970")
		}
		return nil
	}
}

const microsecondsPerSecond = 1_000_000

// maxSeconds bounds times, so that timers can be added to them.
const maxSeconds = 1e11

// instant returns seconds as a time, to the microsecond.
func instant(seconds float64) (time.Time, bool) {
	if math.IsNaN(seconds) || math.Abs(seconds) > maxSeconds {
		return time.Time{}, false
	}
	return time.UnixMicro(int64(math.Round(seconds * microsecondsPerSecond))).UTC(), true
}
