package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const refusedModel = "testdata/refused/model.json"

func TestBadLines(t *testing.T) {
	t.Parallel()
	got := backtest("\ufeff"+strings.Join([]string{
		`{"at": 1, "payload": {"id": "a"}}`,
		`nonsense`,
		`{"payload": {"id": "a"}}`,
		`{"at": 1e300, "payload": {"id": "a"}}`,
		`{"at": 1, "kind": "BatchPutMessage"}`,
		`{"at": 1}`,
		`{"at": "1", "payload": {}}`,
		"   ",
		`{"at": 1, "payload": "` + strings.Repeat("x", maxLine) + `"}`,
		`{"at": 2, "payload": {"id": "a"}}`,
	}, "\n"), "detector", "-model", refusedModel, "-messages", "-")
	require.Equal(t, statusLines, got.status)
	require.Equal(t, 2, strings.Count(got.out, "\n"))
	for i, want := range []string{
		`-:2: not JSON: byte 2: invalid character 'o' in literal null (expecting 'u')`,
		`-:3: at is missing: want seconds`,
		`-:4: at is 1e+300, want at most 1e+11 seconds`,
		`-:5: unknown kind "BatchPutMessage"`,
		`-:6: payload is missing`,
		`-:7: json: cannot unmarshal string into Go struct field lineJSON.at of type float64`,
		`-:9: longer than 4194304 bytes`,
		`backtest: some lines could not be read: 7`,
	} {
		require.Equal(t, want, strings.Split(got.err, "\n")[i])
	}
}

func TestInputNameIsNeeded(t *testing.T) {
	t.Parallel()
	got := backtest(`{"at":1,"payload":{}}`, "detector", "-model", "testdata/update/model.json", "-messages", "-")
	require.Equal(t, statusDone, got.status, got.err)
	require.JSONEq(t, `{"at":1,"kind":"message","key":"","state":"","variables":{},"timers":{},"actions":[],
		"errors":[{"level":"ERROR","code":"InvalidRequestException","message":"inputName is missing, and the model reads several inputs"}]}`, got.out)
}

func TestLinesBackInTime(t *testing.T) {
	t.Parallel()
	got := backtest(`{"at":100,"payload":{"id":"a"}}
{"at":50,"payload":{"id":"a"}}
{"at":60,"payload":{"id":"a"}}`, "detector", "-model", refusedModel, "-messages", "-")
	require.Equal(t, statusDone, got.status)
	require.Equal(t, "-: 1 lines are of an earlier time than the line above them\n", got.err)
	require.Contains(t, strings.Split(got.out, "\n")[1], `{"at":50,`)
}

func TestChanges(t *testing.T) {
	t.Parallel()
	args := []string{"detector", "-model", "testdata/heartbeat/model.json", "-messages", "testdata/heartbeat/messages.jsonl", "-until", "1500", "-changes"}
	require.Equal(t, backtest("", args[:len(args)-1]...).out, backtest("", args...).out, "every timer does something")

	got := backtest(`{"at":1,"payload":{"id":"a"}}
{"at":2,"payload":{"id":"a"}}
{"at":3,"payload":{"id":"a","go":true}}
{"at":4,"payload":{}}`, "detector", "-model", refusedModel, "-messages", "-", "-changes")
	var at []string
	for line := range strings.Lines(got.out) {
		at = append(at, strings.TrimPrefix(strings.Split(line, ",")[0], `{"at":`))
	}
	require.Equal(t, []string{"1", "3", "4"}, at)
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                              "want: backtest detector",
		"nonsense":                      `unknown command "nonsense"`,
		"detector":                      "-model is missing",
		"detector -model a":             "want either -messages or -data",
		"detector -model a -messages b": "open a: ",
		"detector -model a -messages b -data c -tenant d":                                         "want either -messages or -data",
		"detector -model a -data c":                                                               "-data and -tenant go together",
		"detector -model a -messages b -from 1":                                                   "-from and -to are for -data",
		"detector -model a -messages b -format xml":                                               `-format is "xml", want json or text`,
		"detector -model a -messages b -until x":                                                  "want seconds",
		"detector -model a -messages b -until NaN":                                                "out of range",
		"detector -model a -messages b -semantics Nope":                                           "want one of ForgetInputs, ",
		"detector -model a -messages b -parameter x":                                              "want Name=Value",
		"detector -model a -data b -tenant c -to x":                                               "want a time such as 2026-01-31T12:00:00Z",
		"detector -model a -messages b c":                                                         `unexpected argument "c"`,
		"detector -model " + refusedModel + " -messages missing":                                  "open missing: ",
		"detector -model testdata/template/two.yaml -messages b":                                  "several models in the template, name one by -resource: A, B",
		"detector -model testdata/template/model.yaml -resource x -messages b -parameter Limit=1": "no such model in the template",
		"validate":                           "want either -model or -definition",
		"validate -definition missing":       "open missing: ",
		"pipeline":                           "-definition is missing",
		"pipeline -definition a":             "-messages is missing",
		"pipeline -definition a -messages b": "open a: ",
		"pipeline -definition a -messages b -semantics Nope": "want one of PatternFieldNames, ",
		"validate -model a -format svg":                      `-format is "svg", want json or text`,
	} {
		got := backtest("", strings.Fields(args)...)
		require.Equal(t, statusUsage, got.status, args)
		require.Contains(t, got.err, want, args)
		require.Empty(t, got.out)
	}
	require.Equal(t, statusDone, backtest("", "detector", "-help").status)
}

func TestInputsMayFollowOneFlag(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"-inputs", "a", "-inputs", "b", "-inputs", "c", "-model", "m", "--inputs", "d", "-inputs"},
		repeatInputs([]string{"-inputs", "a", "b", "c", "-model", "m", "--inputs", "d", "-inputs"}))
	require.Equal(t, []string{"-inputs", "a", "-inputs", "b"}, repeatInputs([]string{"-inputs", "a", "b"}))
}

func TestSemantics(t *testing.T) {
	t.Parallel()
	const messages = `{"at":1,"payload":{"id":"a"}}
{"at":2,"kind":"BatchUpdateDetector","request":{"keyValue":"new","state":{"stateName":"s"}}}
{"at":3,"payload":{}}`
	got := backtest(messages, "detector", "-model", refusedModel, "-messages", "-", "-semantics", "UpdateCreates,IgnoreKeyless")
	require.Equal(t, statusDone, got.status, got.err)
	require.Equal(t, `{"at":1,"kind":"message","key":"a","state":"s","variables":{"n":0},"timers":{},"actions":[],"errors":[]}
{"at":2,"kind":"BatchUpdateDetector","key":"new","state":"s","variables":{},"timers":{},"actions":[],"errors":[]}
{"at":3,"kind":"message","key":"","state":"","variables":{},"timers":{},"actions":[],"errors":[]}
`, got.out)
}

func TestBrokenModel(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	name := filepath.Join(folder, "m.json")
	require.NoError(t, os.WriteFile(name, []byte(`{"initialStateName":"s","states":[{"stateName":"s","onInput":{"events":[{"eventName":"e","condition":"$input.I.a >\n >= 1"}]}}]}`), 0o600))
	for _, command := range []string{"detector -messages -", "validate"} {
		got := backtest("", append(strings.Fields(command), "-model", name)...)
		require.Equal(t, statusModel, got.status)
		require.Contains(t, got.out+got.err, name+":1:102: ERROR expression-syntax states[0].onInput.events[0].condition, line 2, column 2: ")
		require.Contains(t, got.out+got.err, "\n     >= 1\n     ^\n")
	}
	got := backtest("", "validate", "-format", "json", "-model", name)
	var found problem
	require.NoError(t, json.Unmarshal([]byte(strings.Split(got.out, "\n")[0]), &found))
	require.Equal(t, 2, found.ExpressionLine)

	require.NoError(t, os.WriteFile(name, []byte("{\n  \"states\": x}"), 0o600))
	got = backtest("", "validate", "-model", name)
	require.Contains(t, got.out, name+":2:13: ERROR ")
}

func TestBrokenInputs(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "i.json")
	for text, want := range map[string]string{
		`{"inputDefinition": {}}`: "ERROR structure inputName: inputName is required.",
		`[{"inputName": "a"`:      "no list of inputs: ",
		"Resources: {I: {Type: \"AWS::IoTEvents::Input\", Properties: {InputName: [x]}}}": ":1:72: ERROR Resources.I.Properties.InputName: want a string, got a list",
	} {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		got := backtest("", "detector", "-model", refusedModel, "-messages", "-", "-inputs", name)
		require.Equal(t, statusModel, got.status)
		require.Contains(t, got.err, want)
	}
}

// TestValidateFindsThePlaceInATemplate wants the line of the template and the
// caret in the expression.
func TestValidateFindsThePlaceInATemplate(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/template/model.yaml")
	require.NoError(t, err)
	name := filepath.Join(t.TempDir(), "m.yaml")
	require.NoError(t, os.WriteFile(name, []byte(strings.Replace(string(text), "> $variable.limit", "> > $variable.limit", 1)), 0o600))
	got := backtest("", "validate", "-model", name, "-resource", "Cold", "-parameter", "Limit=1")
	require.Equal(t, statusModel, got.status)
	require.Contains(t, got.out, name+":26:30: ERROR expression-syntax states[0].onInput.transitionEvents[0].condition, line 1, column 19: ")
	require.Contains(t, got.out, "\n    $input.sensor.t > > $variable.limit\n                      ^\n")
	require.True(t, strings.HasSuffix(got.out, "the model does not run\n"))
}

func TestValidateOfWhatRuns(t *testing.T) {
	t.Parallel()
	got := backtest("", "validate", "-model", "testdata/template/model.yaml", "-resource", "cold-store", "-parameter", "Limit=1")
	require.Equal(t, statusDone, got.status)
	require.True(t, strings.HasSuffix(got.out, "the model runs\n"), got.out)
	require.Contains(t, got.out, "WARNING Resources.Cold.Properties.RoleArn.Fn::ImportValue: ")
}

func TestText(t *testing.T) {
	t.Parallel()
	got := backtest("", "detector", "-model", "testdata/counter/model.json", "-messages", "testdata/counter/messages.jsonl", "-format", "text")
	require.Equal(t, statusDone, got.status)
	require.Equal(t, `TIME        KEY           TRIGGER  STATE        VARIABLES  TIMERS
0           p1            message  fine         count=1  mean=90.0
1.25        p1            message  fine         count=2  mean=91.25
2           p2            message  fine         count=0  mean=20.0
3           p1            message  fine > hot   count=-1  mean=91.125  who="pump p1"
            * sns arn:aws:sns:us-east-1:123456789012:a  by "tell"
            * iotTopicPublish pumps/pump p1  by "left"  {"count":3,"mean":91.125}
4           p1            message  hot          count=-1  mean=91.125  who="pump p1"

counter: 2 detectors, from 0 to 4
         5  message

changes of state
         1  fine > hot

actions: how often the rule fired
         1  iotTopicPublish pumps/pump p1  by "left"
         1  sns arn:aws:sns:us-east-1:123456789012:a  by "tell"
`, got.out)

	got = backtest("", "detector", "-model", refusedModel, "-messages", "testdata/refused/messages.jsonl", "-format", "text")
	require.Contains(t, got.out, "\n            ! InvalidRequestException: detector: invalid key: ")
	require.Contains(t, got.out, "\n         6  errors\n")
	require.Contains(t, got.out, "\n         0  never\n")
}

func TestActionsByDay(t *testing.T) {
	t.Parallel()
	const messages = `{"at":1760000000,"payload":{"go":true,"text":"a"}}
{"at":1760000001,"payload":{"go":true,"text":"a"}}
{"at":1760090000,"payload":{"go":true,"text":"a"}}`
	got := backtest(messages, "detector", "-model", "testdata/actions/model.json", "-messages", "-", "-format", "text")
	require.Contains(t, got.out, "\nactions by day\n        20  2025-10-09\n        10  2025-10-10\n")
}

func TestDates(t *testing.T) {
	t.Parallel()
	got := backtest(`{"at":1760000000.5,"payload":{"id":"a"}}`, "detector", "-model", refusedModel, "-messages", "-", "-format", "text")
	require.Contains(t, got.out, "\n2025-10-09T08:53:20.5Z  a ")
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "t.svg")
	got := backtest("", "detector", "-model", "testdata/alarm/model.json", "-messages", "testdata/alarm/messages.jsonl", "-svg", name)
	require.Equal(t, statusDone, got.status)
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	wellFormed(t, text)
	for _, want := range []string{"<title>SNOOZE_DISABLED, 80 to 140</title>", ">overheat</text>", ">ACTIVE</text>", "<title>10\nsns arn:sns</title>", ">150 s</text>"} {
		require.Contains(t, string(text), want)
	}
	require.Equal(t, 13, strings.Count(string(text), "<title>")-strings.Count(string(text), " to "), "the marks: evaluations with actions or errors")
}

// TestTimelineStaysSmall draws more detectors and changes than fit.
func TestTimelineStaysSmall(t *testing.T) {
	t.Parallel()
	var messages strings.Builder
	for i := range 30_000 {
		key := "steady"
		if i%3 == 0 {
			key = fmt.Sprintf("d%d", i%1500)
		}
		fmt.Fprintf(&messages, `{"at":%d,"inputName":"temps","payload":{"id":%q,"t":%d}}`+"\n", i, key, i%2*100)
	}
	name := filepath.Join(t.TempDir(), "t.svg")
	got := backtest(messages.String(), "detector", "-model", "testdata/alarm/model.json", "-messages", "-", "-svg", name)
	require.Equal(t, statusDone, got.status)
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	wellFormed(t, text)
	require.Less(t, len(text), 1<<20)
	require.Contains(t, string(text), ">overheat: 30 detectors of 501</text>")
	require.Contains(t, string(text), ">several states</text>")
}

func wellFormed(t *testing.T, text []byte) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(string(text)))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}

// FuzzLines looks for panics and for lines that are lost: each line is either
// reported or evaluated.
func FuzzLines(f *testing.F) {
	for _, name := range []string{"refused", "heartbeat", "update", "alarm"} {
		text, err := os.ReadFile("testdata/" + name + "/messages.jsonl")
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := backtest(text, "detector", "-model", refusedModel, "-messages", "-")
		lines := 0
		for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
			if strings.TrimSpace(line) != "" {
				lines++
			}
		}
		reported := strings.Count(got.err, "-:")
		require.GreaterOrEqual(t, strings.Count(got.out, "\n")+reported, lines)
		for line := range strings.Lines(got.out) {
			require.True(t, json.Valid([]byte(line)), line)
		}
	})
}

func TestStandIns(t *testing.T) {
	t.Parallel()
	got := backtest(`{"at":1,"payload":{"a":1}}`, "detector", "-model", "testdata/template/two.yaml", "-resource", "B", "-messages", "-")
	require.Equal(t, statusDone, got.status, got.err)
	require.Contains(t, got.out, `{"type":"sns","target":"Topic",`)
	require.Equal(t, "testdata/template/two.yaml:13:90: WARNING Resources.B.Properties.DetectorModelDefinition.States[0].OnInput.Events[0].Actions[0].Sns.TargetArn.Ref: "+
		"parameter \"Topic\" has no value and no default: its name stands for it\n", got.err)

	got = backtest("", "validate", "-model", "testdata/template/two.yaml", "-resource", "B")
	require.Equal(t, statusModel, got.status)
}

func TestTheOnlyDetectorModelNeedsNoName(t *testing.T) {
	t.Parallel()
	got := backtest(`{"at":1,"payload":{"t":1}}`, "detector", "-model", "testdata/template/model.yaml", "-parameter", "Limit=1", "-messages", "-")
	require.Equal(t, statusDone, got.status, got.err)
	require.Contains(t, got.out, `"state":"cold"`)
}

// TestYAML writes a model and an input as the AWS CLI does.
func TestYAML(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	model, input := filepath.Join(folder, "m.yaml"), filepath.Join(folder, "i.yaml")
	require.NoError(t, os.WriteFile(model, []byte(`detectorModel:
  detectorModelDefinition:
    initialStateName: s
    states:
    - stateName: s
      onInput:
        events:
        - eventName: e
          condition: $input.I.a > 1
          actions: [{setVariable: {variableName: v, value: 2}}]
`), 0o600))
	require.NoError(t, os.WriteFile(input, []byte("input:\n  inputConfiguration: {inputName: I}\n  inputDefinition: {attributes: [{jsonPath: a}]}\n"), 0o600))
	got := backtest(`{"at":1,"payload":{"a":2}}`, "detector", "-model", model, "-inputs", input, "-messages", "-")
	require.Equal(t, statusDone, got.status, got.err)
	require.Contains(t, got.out, `"variables":{"v":2}`)

	require.NoError(t, os.WriteFile(model, []byte("detectorModel: [a"), 0o600))
	got = backtest("", "validate", "-model", model)
	require.Equal(t, statusModel, got.status)
	require.Contains(t, got.out, model+":1:1: ERROR: ")
}
