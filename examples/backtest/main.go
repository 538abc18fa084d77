// Command backtest runs a detector model or an alarm model of AWS IoT Events, or
// a pipeline or a data set of AWS IoT Analytics, over recorded messages and prints
// what it decides, or makes of them.
//
//	go run ./examples/backtest detector -model FILE [-inputs FILE…] -messages FILE.jsonl [-until SECONDS] [-format json|text] [-svg FILE]
//	go run ./examples/backtest detector -model FILE [-inputs FILE…] -data FOLDER -tenant ID [-from TIME] [-to TIME] …
//	go run ./examples/backtest validate -model FILE [-inputs FILE…] [-format json|text]
//	go run ./examples/backtest pipeline -definition FILE -messages FILE.jsonl [-env FILE]
//	go run ./examples/backtest validate -definition FILE [-format json|text]
//	go run ./examples/backtest dataset -sql FILE -store NAME=FILE.jsonl… [-now TIME] [-last-run TIME] [-delta OFFSET_SECONDS,TIME_EXPRESSION] [-timeout DURATION]
//
// # Models
//
// -model is a file in JSON, or YAML as the AWS CLI prints it: the body of
// CreateDetectorModel or CreateAlarmModel, the answer of DescribeDetectorModel or
// DescribeAlarmModel, which is what the console exports, or a bare definition; or
// a CloudFormation template in JSON or YAML. In a template with several models -resource names one by its logical id
// or model name, unless just one of them is a detector model; -parameter Name=Value, -value LogicalID=Value,
// -value LogicalID.Attribute=Value, -import Export=Value, -region and -account
// resolve its functions. What only a deployment could tell, such as a parameter
// without value or a resource of another template, is stood for by its name, with a warning on standard error; for
// validate it is an error. -inputs are files that declare inputs, by which
// references are checked: bodies of CreateInput, answers of DescribeInput, lists
// of both, or templates; several may follow one -inputs. A template's own inputs
// are known already.
//
// -strict refuses what the service refused and the engine does not need to:
// quotas, timers below 60 seconds, undeclared attributes. -semantics
// Name[,Name…] turns away from a recommended answer to what the documentation of
// the service leaves open, by the names of the fields of detector.Semantics.
//
// validate prints what the analysis of the service would have found, in its
// words and on its levels, with carets; the service refused a model with an
// error. The last line says whether the model runs here, which does not need the
// quotas of the service.
//
// # Messages
//
// A line is a message
//
//	{"at": seconds, "inputName": …, "messageId": …, "payload": {…}}
//
// or an operation, whose request is one entry of the old API's request:
//
//	{"at": seconds, "kind": "BatchUpdateDetector"|"BatchAcknowledgeAlarm"|"BatchEnableAlarm"|"BatchDisableAlarm"|"BatchSnoozeAlarm"|"BatchResetAlarm", "request": {…}}
//
// The clock is the lines' at, in seconds with up to six decimals. Timers that
// are due at or before it are evaluated before the line; those due after the
// last line only up to -until, included. Other members of a line are ignored, and
// so are blank lines. "-" reads standard input. The file is read as a stream: in
// memory are the detectors, and the ids of the last five minutes.
//
// What is absent:
//
//   - inputName is the only input that the model reads; if it reads several, the
//     message is refused;
//   - messageId is made from the number of the line, and never a duplicate;
//   - keyValue of a request is that of a model without key, else the only
//     detector that there is;
//   - stateName in the state of BatchUpdateDetector is the state that the
//     detector is in; variables and timers are none, which clears them.
//
// # JSON
//
// With -format json, the default, each evaluation is a line, in order:
//
//		{"at","kind","key","timerName"?,"state","variables":{…},"timers":{…},"actions":[…],"errors":[…]}
//
//	  - kind is message, timer, or the kind of the operation.
//	  - key is the key value; "" for a model without key, and for a message that
//	    was refused before its key was known.
//	  - timerName is there for the timers of a detector. The end of an alarm's
//	    snooze is a line of kind timer without it.
//	  - state is the name of the state after the evaluation; that of an alarm is
//	    DISABLED, NORMAL, ACTIVE, ACKNOWLEDGED, LATCHED or SNOOZE_DISABLED. It is
//	    "" if there is no detector.
//	  - variables are typed: 20 is an Integer, 20.0 a Decimal.
//	  - timers are those that run, with the second at which they are due. An
//	    alarm has none.
//	  - actions are {"type","target","payload"?,"eventName","stateName"}, in order,
//	    without setVariable and timer actions. type is the name in the model's
//	    JSON; target the evaluated ARN, topic, queue URL, stream, table or input
//	    (for iotSiteWise the property alias, or "asset id/property id"; the type of
//	    an alarm's notification is lambdaAction); payload the text that the
//	    model's content expression gives, before Base64, absent for the default
//	    payload; stateName the state whose lifecycle ran the action, for alarms
//	    the new one, which have no event: their eventName is "".
//	  - errors are {"level","message"} with "code" for what the data plane would
//	    have refused, as InvalidRequestException or ResourceNotFoundException, or
//	    with "path","eventName","stateName" of the action that failed. Level
//	    WARNING: the action was executed all the same. A condition that can't be
//	    evaluated is false, and no error.
//
// Every message and operation gives a line, also a refused one, one whose id
// came with the same input within the 300 seconds before, which is ignored, and
// one for an input that the model does not read. Several timers of one time are
// evaluated in the order of key and name. A line whose at is before that of the
// line above it is evaluated where it stands, with its own time.
//
// -changes leaves out the lines of evaluations that changed neither state,
// variables nor running timers, and had no actions or errors.
//
// # Text
//
// -format text is a table of the same, and a summary: how often the rule fired.
// Times from 1973 on (10⁸ seconds) are shown as dates. -svg FILE writes a
// timeline of the states, of up to 30 detectors, those with the most actions;
// very short states that follow each other are drawn as one.
//
// # Stored telemetry
//
// -data is the folder of examples/local, or that of package fileanalytics, and
// may be in use: it is only read. The raw messages of the tenant between -from,
// included, and -to, excluded (RFC 3339, or seconds since 1970), are evaluated
// as examples/local does: the channel of a message is its input, "telemetry" if
// it has none, and the payload gets the member "thing". Messages of other inputs
// than the model's are passed over.
//
// # Pipelines
//
// -definition is a file in JSON: the body of CreatePipeline or the skeleton of the
// AWS CLI for it, the answer of DescribePipeline, or a bare list of activities; or
// a CloudFormation template in JSON or YAML, or a resource of one that stands alone,
// with -resource and the other flags as above. -strict and -semantics are as above, by the names of the fields of
// pipeline.Semantics.
//
// A line of -messages is a payload; all of them are one batch. Blank lines are
// skipped, but counted. -env is a file with what the pipeline reaches outside of it:
//
//	{"registry": {thing: description}, "shadow": {thing: document}, "lambda": {name: [command, args…]}}
//
// A function to which the template gives no name is called by its logical id.
// The command of a function gets the batch as a JSON array on standard input and
// answers one on standard output; if it fails it is run twice more.
//
// For each payload a line is printed, in order:
//
//	{"in": number of the line, "out": […], "errors"?: […]}
//
// out are the messages that were made of it, none if it was dropped; errors are
// the values of pipeline.Reason for activities that failed. If a function answers
// another number of messages than it got, all messages stand at the first line,
// with lambdaCountMismatch. Why a call failed is told on standard error.
//
// validate -definition takes a pipeline, channel, data store or data set, in the
// same forms, or all of a template. It prints everything for which the service
// would have refused it; the last line says whether it would.
//
// # Data sets
//
// dataset answers a statement, the sqlQuery of a data set, over the lines of the
// files of -store: JSON objects, the messages of a data store of JSON. Package
// duckanalytics says what a statement may hold. The result is printed as the CSV
// that the service would have delivered.
//
// -now is the time of the run, which current_timestamp says, and when messages
// were received, unless they have a member __dt with the day. -delta is a deltaTime filter:
// the window is from -last-run and the offset, included, to -now and the offset,
// excluded; without -last-run it has no beginning. -database is a name that may
// stand before those of data stores, as in statements for Amazon Athena. A
// statement is given up after -timeout (default 5 minutes).
//
// It needs a program that was built with cgo; others say that it is unsupported.
//
// # Exit status
//
//	0  done
//	1  the model, a definition, a template, a statement or an input file has errors; they are printed
//	2  wrong arguments, or a file that can't be read or written
//	3  done, but some lines could not be read: file:line: why, on standard error
//
// go run prints the status and itself exits with 1; build the program for more.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The exit statuses.
const (
	statusDone = iota
	statusModel
	statusUsage
	statusLines
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) //nolint:gocritic // nothing is left to defer
}

// errLines: some lines could not be read; they have been reported.
var errLines = errors.New("some lines could not be read")

// errModel: the model has errors, which have been printed.
var errModel = errors.New("the model has errors")

// errDefinition: the definition has errors, which have been printed.
var errDefinition = errors.New("the definition has errors")

// run is the program with its arguments and streams; it returns the exit
// status.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	err := dispatch(ctx, args, in, out, errOut)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return statusDone
	case errors.Is(err, errModel), errors.Is(err, errDefinition), errors.Is(err, errStatement):
		return statusModel
	case errors.Is(err, errLines):
		fmt.Fprintln(errOut, "backtest:", err)
		return statusLines
	}
	fmt.Fprintln(errOut, "backtest:", err)
	return statusUsage
}

const usage = "want: backtest detector -model FILE -messages FILE.jsonl, backtest pipeline -definition FILE -messages FILE.jsonl, " +
	"backtest dataset -sql FILE -store NAME=FILE.jsonl, backtest validate -model FILE or backtest validate -definition FILE; -help lists all flags"

func dispatch(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch command := args[0]; command {
	case "detector":
		c, err := parseDetectorFlags(args[1:], errOut)
		if err != nil {
			return err
		}
		return c.run(ctx, in, out, errOut)
	case "pipeline":
		c, err := parsePipelineFlags(args[1:], errOut)
		if err != nil {
			return err
		}
		return c.run(ctx, in, out, errOut)
	case "dataset":
		c, err := parseDatasetFlags(args[1:], errOut)
		if err != nil {
			return err
		}
		return c.run(ctx, in, out, errOut)
	case "validate":
		c, err := parseValidateFlags(args[1:], errOut)
		if err != nil {
			return err
		}
		return c.run(out)
	}
	return fmt.Errorf("unknown command %q; %s", args[0], usage)
}
