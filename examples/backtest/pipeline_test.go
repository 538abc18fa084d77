package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFunction is no test but the command of functions: what follows "--" says
// which.
func TestFunction(*testing.T) {
	i := slices.Index(os.Args, "--")
	if i < 0 || i+1 == len(os.Args) {
		return
	}
	event, err := io.ReadAll(os.Stdin)
	if err != nil {
		os.Exit(2)
	}
	switch os.Args[i+1] {
	case "double":
		os.Stdout.WriteString(strings.ReplaceAll(string(event), `"t":21`, `"t":42`))
	case "first":
		first, _, _ := strings.Cut(string(event), "},")
		os.Stdout.WriteString(first + `},{"more":true}]`)
	default:
		os.Stderr.WriteString("no such function\n")
		os.Exit(1)
	}
	os.Exit(0)
}

const climate = `{"pipelineName":"climate","pipelineActivities":[
  {"channel":{"name":"in","channelName":"raw","next":"f"}},
  {"filter":{"name":"f","filter":"t > 0","next":"m"}},
  {"math":{"name":"m","math":"t * 1.8 + 32","attribute":"fahrenheit","next":"r"}},
  {"deviceRegistryEnrich":{"name":"r","attribute":"thing","thingName":"id","roleArn":"arn:aws:iam::123456789012:role/r","next":"s"}},
  {"deviceShadowEnrich":{"name":"s","attribute":"shadow","thingName":"id","roleArn":"arn:aws:iam::123456789012:role/r","next":"a"}},
  {"selectAttributes":{"name":"a","attributes":["id","t","fahrenheit","thing.attributes.site","shadow.version"],"next":"out"}},
  {"datastore":{"name":"out","datastoreName":"processed"}}]}`

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestPipeline(t *testing.T) {
	t.Parallel()
	env := write(t, "env.json", `{"registry":{"pump":{"thingName":"pump","attributes":{"site":"north"}}},"shadow":{"pump":{"version":7}}}`)
	got := backtest("\ufeff"+strings.Join([]string{
		`{"id":"pump","t":21}`,
		`{"id":"pump","t":-1}`,
		``,
		`not json`,
		`{"id":"other","t":1}`,
		`{"t":null}`,
	}, "\r\n"), "pipeline", "-definition", write(t, "p.json", climate), "-messages", "-", "-env", env)
	require.Equal(t, statusDone, got.status, got.err)
	require.Equal(t, `{"in":1,"out":[{"id":"pump","t":21,"fahrenheit":69.8,"site":"north","version":7}]}
{"in":2,"out":[]}
{"in":4,"out":[],"errors":["invalidMessage"]}
{"in":5,"out":[{"id":"other","t":1,"fahrenheit":33.8}],"errors":["thingNotFound","thingNotFound"]}
{"in":6,"out":[]}
`, got.out)
	require.Contains(t, got.err, `-:5: r: thingNotFound: thing "other": not found`)
}

func lambdaPipeline(t *testing.T, function string, batchSize string) []string {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	env, err := json.Marshal(map[string]any{"lambda": map[string][]string{"f": {executable, "-test.run=^TestFunction$", "--", function}}})
	require.NoError(t, err)
	definition := `[{"channel":{"name":"in","channelName":"raw","next":"l"}},{"lambda":{"name":"l","lambdaName":"f","batchSize":` + batchSize +
		`,"next":"out"}},{"datastore":{"name":"out","datastoreName":"processed"}}]`
	return []string{"pipeline", "-definition", write(t, "p.json", definition), "-env", write(t, "env.json", string(env)), "-messages", "-"}
}

func TestPipelineWithFunctions(t *testing.T) {
	t.Parallel()
	const messages = "{\"t\":21}\n{\"t\": 2}\n{\"t\":3}\n"
	got := backtest(messages, lambdaPipeline(t, "double", "2")...)
	require.Equal(t, statusDone, got.status, got.err)
	require.Equal(t, "{\"in\":1,\"out\":[{\"t\":42}]}\n{\"in\":2,\"out\":[{\"t\":2}]}\n{\"in\":3,\"out\":[{\"t\":3}]}\n", got.out)

	got = backtest(messages, lambdaPipeline(t, "first", "10")...)
	require.Equal(t, statusDone, got.status, got.err)
	require.Equal(t, "{\"in\":1,\"out\":[{\"t\":21},{\"more\":true}],\"errors\":[\"lambdaCountMismatch\"]}\n{\"in\":2,\"out\":[]}\n{\"in\":3,\"out\":[]}\n", got.out)

	got = backtest(messages, lambdaPipeline(t, "none", "10")...)
	require.Equal(t, statusDone, got.status, got.err)
	require.Equal(t, 3, strings.Count(got.out, `"out":[],"errors":["lambdaFailure"]}`))
	require.Equal(t, 3, strings.Count(got.err, "no such function\n"), "it is tried three times")
}

func TestPipelineOfATemplate(t *testing.T) {
	t.Parallel()
	template := write(t, "t.yaml", `
Parameters: {Limit: {Type: Number, Default: 10}, Role: {Type: String}}
Resources:
  Raw: {Type: AWS::IoTAnalytics::Channel, Properties: {}}
  A:
    Type: AWS::IoTAnalytics::Pipeline
    Properties:
      PipelineActivities:
        - Channel: {Name: in, ChannelName: !Ref Raw, Next: f}
        - Filter: {Name: f, Filter: !Sub "t > ${Limit}", Next: r}
        - DeviceRegistryEnrich: {Name: r, Attribute: m, ThingName: id, RoleArn: !Ref Role, Next: out}
        - Datastore: {Name: out, DatastoreName: done}
  B:
    Type: AWS::IoTAnalytics::Pipeline
    Properties:
      PipelineName: second
      PipelineActivities:
        - {Channel: {Name: in, ChannelName: !Ref Raw, Next: out}, Datastore: {Name: out, DatastoreName: done}}
`)
	const messages = "{\"t\":5}\n{\"t\":15}\n"
	got := backtest(messages, "pipeline", "-definition", template, "-messages", "-", "-resource", "A")
	require.Equal(t, statusDone, got.status, got.err)
	require.Equal(t, "{\"in\":1,\"out\":[]}\n{\"in\":2,\"out\":[{\"t\":15}],\"errors\":[\"thingMissing\"]}\n", got.out)
	got = backtest(messages, "pipeline", "-definition", template, "-messages", "-", "-resource", "second")
	require.Equal(t, "{\"in\":1,\"out\":[{\"t\":5}]}\n{\"in\":2,\"out\":[{\"t\":15}]}\n", got.out)
	got = backtest(messages, "pipeline", "-definition", template, "-messages", "-", "-resource", "A", "-parameter", "Limit=1")
	require.Contains(t, got.out, `{"in":1,"out":[{"t":5}]`)
	got = backtest(messages, "pipeline", "-definition", template, "-messages", "-")
	require.Equal(t, statusUsage, got.status)
	require.Contains(t, got.err, "want one pipeline, name it by -resource: A, B")

	got = backtest("", "validate", "-definition", template)
	require.Equal(t, statusDone, got.status, got.out)
	require.True(t, strings.HasSuffix(got.out, "the service would have accepted it\n"), got.out)
}

// A function without a name, and one with a name that begins like one that
// CloudFormation makes up.
func TestPipelineFunctionsOfATemplate(t *testing.T) {
	t.Parallel()
	executable, err := os.Executable()
	require.NoError(t, err)
	double := []string{executable, "-test.run=^TestFunction$", "--", "double"}
	template := func(properties string) string {
		return write(t, "t.yaml", `
Resources:
  Halve: {Type: AWS::Lambda::Function, Properties: {`+properties+`}}
  P:
    Type: AWS::IoTAnalytics::Pipeline
    Properties:
      PipelineActivities:
        - Channel: {Name: in, ChannelName: raw, Next: l}
        - Lambda: {Name: l, LambdaName: !Ref Halve, BatchSize: 10, Next: out}
        - Datastore: {Name: out, DatastoreName: done}
`)
	}
	for name, c := range map[string]struct{ properties, function string }{
		"logical id": {"", "Halve"}, "made up": {"", "stack-Halve"}, "named": {"FunctionName: stack-x", "stack-x"},
	} {
		env, err := json.Marshal(map[string]any{"lambda": map[string][]string{c.function: double}})
		require.NoError(t, err)
		got := backtest("{\"t\":21}\n", "pipeline", "-definition", template(c.properties), "-env", write(t, "env.json", string(env)), "-messages", "-")
		require.Equal(t, statusDone, got.status, got.err)
		require.Equal(t, "{\"in\":1,\"out\":[{\"t\":42}]}\n", got.out, name)
	}
	got := backtest("{\"t\":21}\n", "pipeline", "-definition", template(""), "-messages", "-")
	require.Contains(t, got.err, `function "stack-Halve": not found`)
}

// A resource without a template around it, as the user guide of CloudFormation
// shows them.
func TestOneResource(t *testing.T) {
	t.Parallel()
	definition := write(t, "p.json", `{"Type":"AWS::IoTAnalytics::Pipeline","Properties":{"PipelineName":"p","PipelineActivities":[
  {"Channel":{"Name":"in","ChannelName":"raw","Next":"f"},"Filter":{"Name":"f","Filter":"t > 1","Next":"out"},"Datastore":{"Name":"out","DatastoreName":"done"}}]}}`)
	got := backtest("{\"t\":1}\n{\"t\":2}\n", "pipeline", "-definition", definition, "-messages", "-")
	require.Equal(t, statusDone, got.status, got.err)
	require.Equal(t, "{\"in\":1,\"out\":[]}\n{\"in\":2,\"out\":[{\"t\":2}]}\n", got.out)

	got = backtest("", "validate", "-definition", write(t, "p.yaml", "Type: AWS::IoTAnalytics::Channel\nProperties:\n  ChannelName: a-b\n"))
	require.Equal(t, statusModel, got.status, got.out)
	require.Contains(t, got.out, `"a-b": want letters, digits and underscores`)
	got = backtest("", "validate", "-definition", write(t, "p.yaml", "Resources: {Raw: {Type: AWS::IoTAnalytics::Channel}}"))
	require.Equal(t, statusDone, got.status, got.out)
}

func TestValidateDefinition(t *testing.T) {
	t.Parallel()
	got := backtest("", "validate", "-definition", write(t, "p.json", climate))
	require.Equal(t, statusDone, got.status)
	require.Equal(t, "0 errors, 0 warnings, 0 notes\nthe service would have accepted it\n", got.out)

	name := write(t, "p.json", strings.NewReplacer("t > 0", "t > > 0", `"datastoreName":"processed"`, `"datastoreName":"a-b"`, `,"next":"out"`, "").Replace(climate))
	got = backtest("", "validate", "-definition", name)
	require.Equal(t, statusModel, got.status)
	require.Equal(t, name+`: ERROR pipelineActivities[1].filter.filter, line 1, column 5: unexpected '>', want an operand
    t > > 0
        ^
`+name+`: ERROR pipelineActivities[6].datastore.datastoreName: "a-b": want letters, digits and underscores
`+name+`: ERROR pipelineActivities[5].selectAttributes.next: activity "a" has no next, and only the data store ends the chain
`+name+`: ERROR pipelineActivities[6].datastore: activity "out" is not reached from the channel
4 errors, 0 warnings, 0 notes
the service would have refused it
`, got.out)
	got = backtest("{}", "pipeline", "-definition", name, "-messages", "-")
	require.Equal(t, statusModel, got.status)
	require.Contains(t, got.err, "is not reached from the channel")

	for text, status := range map[string]int{
		`{"datastoreName":"s"}`: statusDone,
		`{"datastoreName":"s","fileFormatConfiguration":{"parquetConfiguration":{}}}`:              statusModel,
		`{"datasetName":"d","actions":[{"actionName":"a","queryAction":{"sqlQuery":"SELECT 1"}}]}`: statusDone,
		`{"datasetName":"d","actions":[]}`:                                                         statusModel,
		`{"channelName":"c"}`:                                                                      statusDone,
		`nonsense`:                                                                                 statusModel,
		`{"Resources":{"D":{"Type":"AWS::IoTAnalytics::Dataset","Properties":{"Actions":[{"ActionName":"a","QueryAction":{"SqlQuery":""}}]}}}}`: statusModel,
		`{"Resources":{"D":{"Type":"AWS::SNS::Topic"}}}`: statusUsage,
	} {
		got := backtest("", "validate", "-definition", write(t, "d.json", text), "-format", "json")
		require.Equal(t, status, got.status, text+got.out+got.err)
		for line := range strings.Lines(got.out) {
			require.True(t, json.Valid([]byte(line)))
		}
	}
}

func TestPipelineFiles(t *testing.T) {
	t.Parallel()
	definition := write(t, "p.json", climate)
	for text, want := range map[string]string{`{"registri":{}}`: "unknown field", `nonsense`: "invalid character"} {
		got := backtest("{}", "pipeline", "-definition", definition, "-messages", "-", "-env", write(t, "env.json", text))
		require.Equal(t, statusUsage, got.status)
		require.Contains(t, got.err, want)
	}
	got := backtest("", "pipeline", "-definition", definition, "-messages", "missing")
	require.Equal(t, statusUsage, got.status)
	got = backtest("{\"t\":1}\n", "pipeline", "-definition", definition, "-messages", "-", "-semantics", "ErrorDrops")
	require.Equal(t, "{\"in\":1,\"out\":[],\"errors\":[\"thingMissing\"]}\n", got.out)
}

// TestValidateReferences: a template that refers to what it lacks can't be
// deployed; a pipeline of it runs.
func TestValidateReferences(t *testing.T) {
	t.Parallel()
	name := write(t, "t.yaml", `Parameters: {Role: {Type: String}}
Resources:
  P:
    Type: AWS::IoTAnalytics::Pipeline
    Properties:
      PipelineName: p
      PipelineActivities:
        - Channel: {Name: c, ChannelName: !Ref Lost, Next: d}
        - Datastore: {Name: d, DatastoreName: store}
`)
	got := backtest("", "validate", "-definition", name)
	require.Equal(t, statusModel, got.status, got.err)
	require.Contains(t, got.out, `no parameter or resource "Lost"`)
	got = backtest("", "validate", "-definition", name, "-value", "Lost=raw")
	require.Equal(t, statusDone, got.status, got.out)
	got = backtest(`{"a":1}`, "pipeline", "-definition", name, "-messages", "-")
	require.Equal(t, statusDone, got.status, got.err)
}
