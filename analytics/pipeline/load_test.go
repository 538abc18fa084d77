package pipeline_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

const role = `"roleArn":"arn:aws:iam::123456789012:role:MyEnrichRole"`

// definition returns a pipeline of activities in JSON, each with its name and
// next.
func definition(activities ...string) []byte {
	all := append([]string{`{"channel":{"name":"c","channelName":"raw","next":"a0"}}`}, activities...)
	return []byte(`{"pipelineName":"p","pipelineActivities":[` + strings.Join(all, ",") + `,{"datastore":{"name":"d","datastoreName":"s"}}]}`)
}

// lines returns findings without carets.
func lines(findings []pipeline.Finding) []string {
	var all []string
	for i := range findings {
		findings[i].Caret = ""
		all = append(all, findings[i].String())
	}
	return all
}

func refused(t *testing.T, text string, optFns ...func(*pipeline.Options)) []string {
	t.Helper()
	_, err := pipeline.Load([]byte(text), optFns...)
	var broken *pipeline.DefinitionError
	require.ErrorAs(t, err, &broken)
	require.ErrorIs(t, err, pipeline.ErrDefinition)
	require.ErrorIs(t, err, iotenant.ErrInvalid)
	return lines(broken.Findings)
}

func TestLoadFindsEverything(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{
		`ERROR pipelineActivities[1].filter.filter, line 1, column 7: unexpected end, want an operand`,
		`ERROR pipelineActivities[2].math.attribute: attribute is required`,
		`ERROR pipelineActivities[2].math.math, line 1, column 1: unknown function "nosuch"`,
		`ERROR pipelineActivities[3].removeAttributes.attributes[0], line 1, column 3: want a path such as device.coord[0]: want an array index from 0`,
		`ERROR pipelineActivities[3].removeAttributes.attributes[1]: b[0]: an array element can't be removed`,
		`ERROR pipelineActivities[4].selectAttributes.attributes[0]: x[1]: an array element has no name to be selected by; use addAttributes`,
		`ERROR pipelineActivities[5].addAttributes.attributes.a: "b.c": the new attribute is one of the root, want no path`,
		`WARNING pipelineActivities[5].addAttributes.nxt: unknown member "nxt"`,
		`ERROR pipelineActivities[5].addAttributes.next: activity "a4" has no next, and only the data store ends the chain`,
		`ERROR pipelineActivities[6].datastore: activity "d" is not reached from the channel`,
	}, refused(t, string(definition(
		`{"filter":{"name":"a0","filter":"temp >","next":"a1"}}`,
		`{"math":{"name":"a1","math":"nosuch(1)","next":"a2"}}`,
		`{"removeAttributes":{"name":"a2","attributes":["a[-1]","b[0]"],"next":"a3"}}`,
		`{"selectAttributes":{"name":"a3","attributes":["x[1]"],"next":"a4"}}`,
		`{"addAttributes":{"name":"a4","attributes":{"a":"b.c"},"nxt":"d"}}`,
	))))
}

func TestChain(t *testing.T) {
	t.Parallel()
	filter := func(name, next string) string {
		return fmt.Sprintf(`{"filter":{"name":%q,"filter":"true","next":%q}}`, name, next)
	}
	for name, c := range map[string]struct {
		activities []string
		want       string
	}{
		"dangling":    {[]string{filter("a0", "nowhere")}, `next: there is no activity "nowhere"`},
		"cycle":       {[]string{filter("a0", "a1"), filter("a1", "a0")}, `next: the chain comes back to activity "a0"`},
		"itself":      {[]string{filter("a0", "a0")}, `comes back`},
		"unreached":   {[]string{filter("a0", "d"), filter("a1", "d")}, `activity "a1" is not reached from the channel`},
		"twice":       {[]string{filter("a0", "d"), filter("a0", "d")}, `there are two activities "a0"`},
		"two stores":  {[]string{filter("a0", "d"), `{"datastore":{"name":"e","datastoreName":"s"}}`}, "want exactly one datastore activity, got 2"},
		"two sources": {[]string{filter("a0", "d"), `{"channel":{"name":"e","channelName":"s","next":"d"}}`}, "want exactly one channel activity, got 2"},
		"no next":     {[]string{`{"filter":{"name":"a0","filter":"true"}}`}, `activity "a0" has no next`},
	} {
		require.Contains(t, strings.Join(refused(t, string(definition(c.activities...))), "\n"), c.want, name)
	}
	require.Contains(t, refused(t, `[]`)[0], "want exactly one channel activity, got 0")
}

// Each missing or unknown next is found, also where the chain is broken before
// it, and once.
func TestChainFindsEverything(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{
		`ERROR pipelineActivities[1].filter.next: there is no activity "x"`,
		`ERROR pipelineActivities[2].filter.next: activity "a1" has no next, and only the data store ends the chain`,
		`ERROR pipelineActivities[3].filter.next: there is no activity "y"`,
		`ERROR pipelineActivities[2].filter: activity "a1" is not reached from the channel`,
		`ERROR pipelineActivities[3].filter: activity "a2" is not reached from the channel`,
		`ERROR pipelineActivities[4].datastore: activity "d" is not reached from the channel`,
	}, refused(t, string(definition(
		`{"filter":{"name":"a0","filter":"true","next":"x"}}`, `{"filter":{"name":"a1","filter":"true","next":""}}`, `{"filter":{"name":"a2","filter":"true","next":"y"}}`,
	))))
	require.Equal(t, []string{
		`ERROR pipelineActivities[1].channel.next: there is no activity "x"`,
		`ERROR pipelineActivities[2].filter.next: activity "a0" has no next, and only the data store ends the chain`,
		`ERROR pipelineActivities: want exactly one channel activity, got 2`,
	}, refused(t, string(definition(`{"channel":{"name":"b","channelName":"s","next":"x"}}`, `{"filter":{"name":"a0","filter":"true"}}`))))
	require.Equal(t, []string{
		`ERROR pipelineActivities[1].filter.next: want a string, got a number`,
		`ERROR pipelineActivities[2].datastore: activity "d" is not reached from the channel`,
	}, refused(t, string(definition(`{"filter":{"name":"a0","filter":"true","next":1}}`))))
	require.Equal(t, []string{
		`ERROR pipelineActivities[3].filter.next: there is no activity "y"`,
		`ERROR pipelineActivities[2].filter.next: the chain comes back to activity "a0"`,
		`ERROR pipelineActivities[3].filter: activity "a2" is not reached from the channel`,
		`ERROR pipelineActivities[4].datastore: activity "d" is not reached from the channel`,
	}, refused(t, string(definition(
		`{"filter":{"name":"a0","filter":"true","next":"a1"}}`, `{"filter":{"name":"a1","filter":"true","next":"a0"}}`, `{"filter":{"name":"a2","filter":"true","next":"y"}}`,
	))))

	// What is not reached does not matter then.
	loose := func(o *pipeline.Options) { o.Semantics.LooseChain = true }
	_, err := pipeline.Load(definition(`{"filter":{"name":"a0","filter":"true","next":"d"}}`, `{"filter":{"name":"a1","filter":"true","next":"y"}}`), loose)
	require.NoError(t, err)
	require.Equal(t, []string{`ERROR pipelineActivities[1].filter.next: there is no activity "y"`},
		refused(t, string(definition(`{"filter":{"name":"a0","filter":"true","next":"y"}}`, `{"filter":{"name":"a1","filter":"true","next":"z"}}`)), loose))
}

// A call with a wrong number of arguments is undefined, and doubtful.
func TestWrongCounts(t *testing.T) {
	t.Parallel()
	text := string(definition(`{"math":{"name":"a0","math":"1 + power(2) * abs()","attribute":"x","next":"a1"}}`, `{"filter":{"name":"a1","filter":"trunc(2.5) > 1","next":"d"}}`))
	p, err := pipeline.Load([]byte(text))
	require.NoError(t, err)
	want := []string{
		`WARNING pipelineActivities[1].math.math, line 1, column 5: power has 1 arguments, want 2: it is undefined`,
		`WARNING pipelineActivities[1].math.math, line 1, column 16: abs has 0 arguments, want 1: it is undefined`,
		`WARNING pipelineActivities[2].filter.filter, line 1, column 1: trunc has 1 arguments, want 2: it is undefined`,
	}
	require.Equal(t, want, lines(p.Findings()))
	_, findings := pipeline.Check([]byte(text))
	require.Equal(t, want, lines(findings))
}

func TestTagValues(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{
		`{"key":"k","value":""}`: "tags[0].value: 0 characters, want 1 to 256",
		`{"key":"k"}`:            "tags[0].value: value is required",
		`{"key":"k","value":1}`:  "tags[0].value: want a string, got a number",
		`{"key":"","value":"v"}`: "tags[0].key: key is required",
		`{"key":"k","value":"` + strings.Repeat("v", 257) + `"}`: "tags[0].value: 257 characters, want 1 to 256",
	} {
		_, findings := pipeline.Check([]byte(`{"channelName":"c","tags":[` + tag + `]}`))
		require.Equal(t, []string{"ERROR " + want}, lines(findings))
	}
}

func TestExpressionErrors(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"temp == 1":              "column 7: unexpected '=', want an operand",
		"temp != 1":              "column 6: unexpected '!', want an operator or the end",
		"a && b":                 "column 3: unexpected '&'",
		"a LIKE 'x'":             "column 3: unexpected 'L'",
		"a IN (1)":               "column 3: unexpected 'I'",
		"a IS NULL":              "column 3: unexpected 'I'",
		"a BETWEEN 1 AND 2":      "column 3: unexpected 'B'",
		"floor(1)":               `unknown function "floor"`,
		"abs(nosuch(1), 2)":      `unknown function "nosuch"`,
		"5.x > 1":                "column 3: unexpected 'x', want the end of the number",
		"1..5 > 1":               "column 3: unexpected '.', want the end of the number",
		"a .5 > 1":               "unexpected",
		"a > 1 AND":              "unexpected end",
		"CASE WHEN a THEN 1":     "column 6: unexpected 'W', want a value to compare with",
		"CASE a WHEN 1 THEN 2":   "want END",
		"when = 1":               "when is a keyword here",
		"$x > 1":                 "there are no variables",
		"1E9999 > 1":             "number is out of range",
		"'abc":                   "string does not end",
		"{a: 1} = x":             "want a member name in quotes",
		strings.Repeat("(", 250): "nests deeper than 200 levels",
	} {
		text, err := json.Marshal(source)
		require.NoError(t, err)
		got := refused(t, string(definition(`{"filter":{"name":"a0","filter":`+string(text)+`,"next":"d"}}`)))
		require.Contains(t, strings.Join(got, "\n"), want, source)
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	text := string(definition(
		`{"filter":{"name":"a0","filter":"`+long+` > 1","next":"a1"}}`,
		`{"lambda":{"name":"a1","lambdaName":"arn:aws:lambda:f","batchSize":1001,"next":"a2"}}`,
		`{"deviceShadowEnrich":{"name":"a2","attribute":"`+long+`","thingName":"t","roleArn":"short","next":"d"}}`,
	))
	text = strings.Replace(text, `"pipelineName":"p"`, `"pipelineName":"__p q"`, 1)
	p, err := pipeline.Load([]byte(text))
	require.NoError(t, err)
	want := []string{
		`pipelineName: "__p q" begins with two underscores`,
		`pipelineActivities[1].filter.filter: 304 characters, want 1 to 256`,
		`pipelineActivities[2].lambda.lambdaName: "arn:aws:lambda:f": want letters, digits, '_' and '-': no ARN, alias or version`,
		`pipelineActivities[2].lambda.batchSize: is 1001, want 1 to 1000`,
		`pipelineActivities[3].deviceShadowEnrich.attribute: 300 characters, want 1 to 256`,
		`pipelineActivities[3].deviceShadowEnrich.roleArn: 5 characters, want 20 to 2048`,
	}
	got := lines(p.Findings())
	for i := range want {
		require.Equal(t, "WARNING "+want[i], got[i])
	}
	for i, line := range refused(t, text, func(o *pipeline.Options) { o.Strict = true }) {
		require.Equal(t, "ERROR "+want[i], line)
	}
}

func TestLoadForms(t *testing.T) {
	t.Parallel()
	activities := `[{"channel":{"name":"c","channelName":"raw","next":"d"}},{"datastore":{"name":"d","datastoreName":"s"}}]`
	for _, text := range []string{
		activities,
		`{"pipelineName":"p","pipelineActivities":` + activities + `,"tags":[{"key":"k","value":"v"}]}`,
		`{"pipeline":{"name":"p","activities":` + activities + `}}`,
		`{"PipelineName":"p","PipelineActivities":[{"Channel":{"Name":"c","ChannelName":"raw","Next":"d"},"Datastore":{"Name":"d","DatastoreName":"s"},"Math":null}]}`,
	} {
		p, err := pipeline.Load([]byte(text))
		require.NoError(t, err, text)
		require.Empty(t, p.Findings(), text)
		require.Equal(t, "raw s", p.Channel()+" "+p.Datastore())
		if strings.HasPrefix(text, "{") {
			require.Equal(t, "p", p.Name())
		}
	}
}

// The options that show when a definition is loaded.
func TestLoadOptions(t *testing.T) {
	t.Parallel()
	several := `{"pipelineName":"p","pipelineActivities":[{"channel":{"name":"c","channelName":"raw","next":"d"},"datastore":{"name":"d","datastoreName":"s"}}]}`
	_, err := pipeline.Load([]byte(several))
	require.NoError(t, err)
	oneForm := func(o *pipeline.Options) { o.Semantics.OneFormOnly = true }
	require.Contains(t, refused(t, several, oneForm)[0], "want exactly one activity, got 2")
	require.NotEmpty(t, refused(t, `[]`, oneForm))
	require.NotEmpty(t, refused(t, `{"pipeline":{"name":"p","activities":[]}}`, oneForm))
	require.NotEmpty(t, refused(t, strings.Replace(several, "channelName", "ChannelName", 1), oneForm))

	inArray := string(definition(`{"removeAttributes":{"name":"a0","attributes":["a[0].b"],"next":"d"}}`))
	require.Contains(t, refused(t, inArray, func(o *pipeline.Options) { o.Semantics.RootRemoveOnly = true })[0], "a[0].b: want an attribute of the root")

	nested := string(definition(`{"removeAttributes":{"name":"a0","attributes":["a.b"],"next":"d"}}`))
	_, err = pipeline.Load([]byte(nested))
	require.NoError(t, err)
	require.Contains(t, refused(t, nested, func(o *pipeline.Options) { o.Semantics.RootRemoveOnly = true })[0], "a.b: want an attribute of the root")

	exists := func(o *pipeline.Options) {
		o.HasChannel = func(name string) bool { return name == "raw" }
		o.HasDatastore = func(string) bool { return false }
	}
	require.Equal(t, []string{`ERROR pipelineActivities[0].datastore.datastoreName: there is no data store "s"`}, refused(t, several, exists))

	schemaless := `{"datastoreName":"s","fileFormatConfiguration":{"parquetConfiguration":{}}}`
	_, findings := pipeline.Check([]byte(schemaless))
	require.Len(t, findings, 1)
	_, findings = pipeline.Check([]byte(schemaless), func(o *pipeline.Options) { o.Semantics.SchemalessParquet = true })
	require.Empty(t, findings)
}

func TestLoadOfWhatIsNoDefinition(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{\n \"a\": x}":   "ERROR, line 2, column 7: not JSON, or nests too deep",
		`{} {}`:           "data after the JSON value",
		`1`:               "want an object, got a number",
		`{}`:              "pipelineName is required",
		`{"pipeline":{}}`: "pipeline.activities: activities is required",
		`{"pipelineName":"p","pipelineActivities":[{}]}`:                      "pipelineActivities[0]: want an activity",
		`{"pipelineName":"p","pipelineActivities":[1]}`:                       "pipelineActivities[0]: want an object, got a number",
		`{"pipelineName":1,"pipelineActivities":{}}`:                          "pipelineName: want a string, got a number",
		`{"pipelineName":"p","pipelineActivities":[{"fliter":{}}]}`:           `unknown member "fliter"`,
		`{"pipelineName":"p","pipelineActivities":[{"Fılter":{}}]}`:           `want an activity`,
		strings.Repeat("[", 100) + strings.Repeat("]", 100):                   "nests too deep",
		`"` + strings.Repeat("x", pipeline.MaxDefinition) + `"`:               "want at most 1048576",
		`{"pipelineName":"p","pipelineActivities":[{"filter":{"name":"a"}}]}`: "pipelineActivities[0].filter.filter: filter is required",
	} {
		require.Contains(t, strings.Join(refused(t, text), "\n"), want, text)
	}
	_, err := pipeline.LoadActivity([]byte(`{"channel":{"name":"c","channelName":"raw"}}`))
	require.ErrorContains(t, err, "want neither a channel nor a data store")
	_, err = pipeline.LoadActivity([]byte(`{"filter":{"name":"c","filter":"true"},"math":{"name":"m","math":"1","attribute":"x"}}`))
	require.ErrorContains(t, err, "want one activity, got 2")
}

func TestErrorShowsThePlace(t *testing.T) {
	t.Parallel()
	_, err := pipeline.Load(definition(`{"filter":{"name":"a0","filter":"temp > > 1","next":"d"}}`))
	require.ErrorContains(t, err, "pipelineActivities[1].filter.filter, line 1, column 8: unexpected '>', want an operand\n    temp > > 1\n           ^")
}

func FuzzLoad(f *testing.F) {
	for _, name := range goldenNames(f) {
		text, err := os.ReadFile(name)
		require.NoError(f, err)
		_, rest, _ := strings.Cut(string(text), "-- definition --\n")
		definition, _, _ := strings.Cut(rest, "-- ")
		f.Add([]byte(definition))
	}
	f.Add([]byte(`{"datasetName":"d","actions":[{"actionName":"a","queryAction":{"sqlQuery":"SELECT 1","filters":[{"deltaTime":{"offsetSeconds":-1,"timeExpression":"x"}}]}}],"triggers":[{"schedule":{"expression":"cron(0/15 * * * ? *)"}}]}`))
	f.Add([]byte(`{"datastoreName":"s","fileFormatConfiguration":{"parquetConfiguration":{"schemaDefinition":{"columns":[{"name":"a","type":"struct<a:array<int>>"}]}}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := pipeline.Load(text)
		if err == nil {
			require.NotEmpty(t, p.Channel()+p.Datastore())
		} else {
			require.ErrorIs(t, err, pipeline.ErrDefinition)
		}
		if _, findings := pipeline.Check(text); err != nil && json.Valid(text) && strings.Contains(string(text), "pipelineActivities") {
			require.NotEmpty(t, findings)
		}
	})
}
