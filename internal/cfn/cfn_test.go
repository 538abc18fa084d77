package cfn_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/internal/cfn"
)

// convert parses a template and converts its resource X.
func convert(t *testing.T, template string, o cfn.Options, shape cfn.Shape) (*cfn.Document, []cfn.Finding) {
	t.Helper()
	parsed, err := cfn.Parse([]byte(template))
	require.NoError(t, err)
	resources := parsed.Resources("T::X")
	require.Len(t, resources, 1)
	return parsed.Resolver(o).Convert(resources[0], shape)
}

var shape = cfn.Object(map[string]cfn.Shape{
	"Text": cfn.Text, "Number": cfn.Number, "Whole": cfn.Integer, "Flag": cfn.Boolean, "Any": cfn.Any,
	"List": cfn.List(cfn.Text), "Role": cfn.Unused(cfn.Text),
	"Objects": cfn.List(cfn.Object(map[string]cfn.Shape{"DynamoDBv2": cfn.Text})),
})

const header = `
Parameters:
  Limit: {Type: Number, Default: 30}
  Names: {Type: CommaDelimitedList, Default: "a, b,c"}
  Needed: {Type: String}
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Secret: {Type: "AWS::SSM::Parameter::Value<String>", Default: /path}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  NotProd: !Not [!Condition IsProd]
  Both: !And [!Condition IsProd, !Condition NotProd]
  Either: !Or [!Condition IsProd, !Condition NotProd]
  Loop: !Not [!Condition Loop]
Mappings:
  Limits:
    us-east-1: {low: 10, list: [x, y]}
    eu-west-1: {low: 20}
Resources:
  Topic: {Type: "AWS::SNS::Topic", Properties: {TopicName: alarms}}
  Unnamed: {Type: "AWS::SNS::Topic"}
  Queue: {Type: "AWS::SQS::Queue"}
  Table: {Type: "AWS::DynamoDB::Table", Properties: {TableName: !Sub "t-${AWS::Region}"}}
  Role: {Type: "AWS::IAM::Role"}
  Pumps: {Type: "AWS::IoTEvents::Input", Properties: {InputDefinition: {Attributes: [{JsonPath: a}]}}}
  Value: {Type: "AWS::SSM::Parameter", Properties: {Value: "42"}}
  Own: {Type: "Custom::Own"}
  Gone: {Type: "AWS::SNS::Topic", Condition: IsProd}
  Self: {Type: "AWS::SNS::Topic", Properties: {TopicName: !Ref Self}}
  X:
    Type: T::X
    Properties:
      Text: `

func TestFunctions(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`!Ref Limit`:                                 "30",
		`!Ref AWS::Region`:                           "us-east-1",
		`{Ref: "AWS::AccountId"}`:                    "123456789012",
		`!Ref AWS::Partition`:                        "aws",
		`!Ref AWS::URLSuffix`:                        "amazonaws.com",
		`!Ref Topic`:                                 "arn:aws:sns:us-east-1:123456789012:alarms",
		`!Ref Unnamed`:                               "arn:aws:sns:us-east-1:123456789012:stack-Unnamed",
		`!GetAtt Topic.TopicName`:                    "alarms",
		`!GetAtt Topic.TopicArn`:                     "arn:aws:sns:us-east-1:123456789012:alarms",
		`!Ref Queue`:                                 "https://sqs.us-east-1.amazonaws.com/123456789012/stack-Queue",
		`!GetAtt Queue.QueueName`:                    "stack-Queue",
		`!GetAtt [Queue, Arn]`:                       "arn:aws:sqs:us-east-1:123456789012:stack-Queue",
		`!Ref Table`:                                 "t-us-east-1",
		`{"Fn::GetAtt": [Role, Arn]}`:                "arn:aws:iam::123456789012:role/stack-Role",
		`!Ref Pumps`:                                 "Pumps",
		`!GetAtt Value.Value`:                        "42",
		`!Sub "${Limit} $ ${!x} ${Topic.TopicName}"`: "30 $ ${x} alarms",
		`!Sub ["${a}-${Limit}", {a: !Ref "AWS::Region"}]`:           "us-east-1-30",
		`!Sub "open ${Limit"`:                                       "open ${Limit",
		`!Join ["/", [a, !Ref Limit, !Ref "AWS::NoValue"]]`:         "a/30",
		`!Join ["", !Ref Names]`:                                    "abc",
		`!Select [1, !Ref Names]`:                                   "b",
		`!Select ["2", !Split [".", "p.q.r"]]`:                      "r",
		`!FindInMap [Limits, !Ref "AWS::Region", low]`:              "10",
		`!Select [0, !FindInMap [Limits, us-east-1, list]]`:         "x",
		`{"Fn::FindInMap": [Limits, none, low, {DefaultValue: 7}]}`: "7",
		`!If [IsProd, a, b]`:                                        "b",
		`!If [NotProd, !If [Both, c, d], e]`:                        "d",
		`!If [Either, f, !Ref Missing]`:                             "f",
		`!Base64 hello`:                                             "aGVsbG8=",
		`{"Fn::Base64": !Sub "${Limit}"}`:                           "MzA=",
		`!ImportValue known`:                                        "from elsewhere",
		`!Length [1, 2, 3]`:                                         "3",
		`!ToJsonString {a: [1, "1", true, !Ref Limit]}`:             `{"a":[1,"1",true,"30"]}`,
		`"as it is ${Limit}"`:                                       "as it is ${Limit}",
	} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			document, findings := convert(t, header+source, cfn.Options{Imports: map[string]string{"known": "from elsewhere"}}, shape)
			require.Empty(t, findings)
			text, err := json.Marshal(want)
			require.NoError(t, err)
			require.JSONEq(t, `{"text":`+string(text)+`}`, string(document.JSON))
		})
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	o := cfn.Options{
		Parameters: map[string]string{"Stage": "prod", "Needed": "n", "Secret": "s"},
		Values:     map[string]string{"Own": "o", "Own.Attr": "oa", "Queue": "q"},
		Region:     "cn-north-1", AccountID: "1", StackName: "s", NotificationARNs: []string{"x"},
	}
	for source, want := range map[string]string{
		`!Ref Needed`: "n", `!Ref Secret`: "s", `!Ref Own`: "o", `!GetAtt Own.Attr`: "oa", `!Ref Queue`: "q",
		`!Ref Gone`:           "arn:aws-cn:sns:cn-north-1:1:s-Gone",
		`!Ref AWS::URLSuffix`: "amazonaws.com.cn",
		`!Join [",", !Ref "AWS::NotificationARNs"]`: "x",
		`!Sub "${AWS::StackName}"`:                  "s",
	} {
		document, findings := convert(t, header+source, o, shape)
		require.Empty(t, findings, source)
		require.Equal(t, fmt.Sprintf(`{"text":%q}`, want), string(document.JSON))
	}
}

func TestUnresolved(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`!Ref Missing`:                         `no parameter or resource "Missing"`,
		`!Ref Needed`:                          `parameter "Needed" has no value and no default`,
		`!Ref Secret`:                          `parameter "Secret" is the value of the SSM parameter "/path"`,
		`!Ref Gone`:                            `resource "Gone" is not created: its condition does not hold`,
		`!Ref Self`:                            `the name of "Self" depends on itself`,
		`!GetAtt X`:                            `want LogicalId.Attribute, got "X"`,
		`!If [Loop, a, b]`:                     `condition "Loop" depends on itself`,
		`!If [None, a, b]`:                     `no condition "None"`,
		`!If [IsProd, a]`:                      `want a list of 3 arguments`,
		`!FindInMap [Limits, us-east-1, high]`: `no mapping Limits.us-east-1.high`,
		`!Select [3, !Ref Names]`:              `index "3" is not in a list of 3`,
		`!Select [-1, !Ref Names]`:             `index "-1" is not in a list of 3`,
		`!Join ["", a]`:                        `want a list`,
		`!Join ["", [[a]]]`:                    `want a string, got a list`,
		`!Split ["", a]`:                       `the separator is empty`,
		`!Sub "${$input.a.b}"`:                 `${$input.a.b} is no reference of Fn::Sub; write ${!$input.a.b} to keep it for the expression`,
		`!Sub "${AWS::NoValue}"`:               `want a string, got AWS::NoValue`,
		`!GetAZs ""`:                           `Fn::GetAZs can't be resolved before a deployment`,
		`!Transform {Name: "AWS::Include"}`:    `Fn::Transform can't be resolved before a deployment`,
		`{"Fn::Sub": a, "Fn::Join": b}`:        `Fn::Sub must be the only member of its object`,
		`{a: b}`:                               `want a string, got an object`,
		`[a]`:                                  `want a string, got a list`,
	} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			document, findings := convert(t, header+source, cfn.Options{}, shape)
			require.Nil(t, document)
			require.Len(t, findings, 1)
			require.Equal(t, want, findings[0].Message)
			require.Equal(t, cfn.Error, findings[0].Level)
			require.Equal(t, "X", findings[0].Resource)
			require.Positive(t, findings[0].Line)
			require.Positive(t, findings[0].Column)
			require.NotEmpty(t, findings[0].Path)
		})
	}
}

func TestStandIns(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`!GetAtt Own.Attr`:    "Own.Attr",
		`!ImportValue export`: "export",
		`!Sub "${Own.Attr}!"`: "Own.Attr!",
		`"{{resolve:ssm:a}}"`: "{{resolve:ssm:a}}",
	} {
		document, findings := convert(t, header+source, cfn.Options{}, shape)
		require.Equal(t, fmt.Sprintf(`{"text":%q}`, want), string(document.JSON))
		require.Len(t, findings, 1, source)
		require.Equal(t, cfn.Warning, findings[0].Level)
	}
}

func TestStandInsForParameters(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`!Ref Needed`:       "parameter \"Needed\" has no value and no default: its name stands for it",
		`!Ref Secret`:       "parameter \"Secret\" is the value of the SSM parameter \"/path\": its name stands for it",
		`!Ref Missing`:      "no parameter or resource \"Missing\": its name stands for it",
		`!GetAtt Lost.Arn`:  "no parameter or resource \"Lost\": its name stands for it",
		`!Sub "a${Needed}"`: "parameter \"Needed\" has no value and no default: its name stands for it",
	} {
		document, findings := convert(t, header+source, cfn.Options{StandIns: true}, shape)
		require.NotNil(t, document)
		require.Len(t, findings, 1, source)
		require.Equal(t, cfn.Warning, findings[0].Level)
		require.Equal(t, want, findings[0].Message)
	}
	template := strings.ReplaceAll(header, "Default: 30", "MinValue: 1") + "!Ref Limit"
	document, findings := convert(t, template, cfn.Options{StandIns: true}, shape)
	require.Nil(t, document)
	require.Equal(t, `parameter "Limit" has no value and no default`, findings[0].Message)
}

func TestComplete(t *testing.T) {
	t.Parallel()
	for _, source := range []string{`!Ref Missing`, `!GetAtt Lost.Arn`, `!Sub "a${Missing}"`} {
		document, findings := convert(t, header+source, cfn.Options{StandIns: true, Complete: true}, shape)
		require.Nil(t, document, source)
		require.Len(t, findings, 1, source)
		require.Equal(t, cfn.Error, findings[0].Level)
		require.Contains(t, findings[0].Message, "no parameter or resource")
	}
	for _, source := range []string{`!Ref Needed`, `!Ref AWS::Region`} {
		document, _ := convert(t, header+source, cfn.Options{StandIns: true, Complete: true}, shape)
		require.NotNil(t, document, source)
	}
}

func TestUnusedIsLeftOut(t *testing.T) {
	t.Parallel()
	document, findings := convert(t, header+"a\n      Role: !Ref Missing", cfn.Options{}, shape)
	require.Equal(t, `{"text":"a"}`, string(document.JSON))
	require.Len(t, findings, 1)
	require.Equal(t, cfn.Warning, findings[0].Level)
	require.Equal(t, "Resources.X.Properties.Role.Ref", findings[0].Path)
}

func TestScalars(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		// in the place of a string, the text that is written
		"Text: 1.10": `"1.10"`, "Text: 2010-09-09": `"2010-09-09"`, "Text: 0": `"0"`, "Text: 20.0": `"20.0"`, "Text: 1e3": `"1e3"`,
		"Text: true": `"true"`, "Text: True": `"true"`, `Text: "yes"`: `"yes"`, "Text: 'no'": `"no"`, "Text: '012'": `"012"`, "Text: !!str yes": `"yes"`,
		"Text: n": `"n"`, "Text: |\n        a\n        b": `"a\nb\n"`, "Text: 10:00:00Z": `"10:00:00Z"`,
		"Whole: 60": `60`, `Whole: "60"`: `60`, "Number: 1.5": `1.5`, `Number: "2"`: `2`, "Flag: true": `true`, `Flag: "False"`: `false`, "Flag: yes": `true`,
		"Any: {A: 1, b: [1.0, x, null, false]}": `{"A":1,"b":[1.0,"x",null,false]}`,
		"Text: ~":                               "", "Text:": "", "Text: null": "",
		"List: [a, !Ref AWS::NoValue, 2]": `["a","2"]`,
		"Objects: [{DynamoDBv2: t}]":      `[{"dynamoDBv2":"t"}]`,
	} {
		document, findings := convert(t, "Resources:\n  X:\n    Type: T::X\n    Properties:\n      "+source+"\n", cfn.Options{}, shape)
		for _, f := range findings {
			require.Equal(t, cfn.Warning, f.Level, "%s: %s", source, f.Message)
		}
		got := map[string]json.RawMessage{}
		require.NoError(t, json.Unmarshal(document.JSON, &got))
		name, _, _ := strings.Cut(source, ":")
		require.Equal(t, want, string(got[strings.ToLower(name)]), source)
	}
}

func TestTextsThatCloudFormationChanges(t *testing.T) {
	t.Parallel()
	for source, want := range map[string][2]string{
		"yes":   {"true", `CloudFormation takes this unquoted text for the Boolean true; it is read as "true". Quote it.`},
		"Off":   {"false", `CloudFormation takes this unquoted text for the Boolean false; it is read as "false". Quote it.`},
		"012":   {"012", `CloudFormation takes this unquoted text for the number 10; it is read as "012". Quote it.`},
		"0x1F":  {"0x1F", `CloudFormation takes this unquoted text for the number 31; it is read as "0x1F". Quote it.`},
		"1_000": {"1_000", `CloudFormation takes this unquoted text for the number 1000; it is read as "1_000". Quote it.`},
		"12:30": {"12:30", `CloudFormation takes this unquoted text for a number with the base 60; it is read as "12:30". Quote it.`},
	} {
		document, findings := convert(t, header+source, cfn.Options{}, shape)
		require.Equal(t, fmt.Sprintf(`{"text":%q}`, want[0]), string(document.JSON))
		require.Len(t, findings, 1)
		require.Equal(t, want[1], findings[0].Message)
	}
}

func TestWrongScalars(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"Whole: 1.5": `want a whole number, got "1.5"`, "Whole: 010": `want a whole number, got "010"`, "Whole: x": `want a whole number, got "x"`,
		"Number: x": `want a number, got "x"`, "Number: true": `want a number, got "true"`, `Number: ""`: `want a number, got ""`, "Flag: 1": `want a Boolean, got "1"`,
		"Flag: []": `want a Boolean, got a list`, "List: a": `want a list, got a string`, "Objects: [a]": `want an object, got a string`,
	} {
		document, findings := convert(t, "Resources:\n  X:\n    Type: T::X\n    Properties:\n      "+source, cfn.Options{}, shape)
		require.Nil(t, document, source)
		require.Len(t, findings, 1, source)
		require.Equal(t, want, findings[0].Message)
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	document, findings := convert(t, `{
  "Resources": {
    "X": {"Type": "T::X", "Properties": {
      "Text": {"Ref": "AWS::Region"},
      "List": ["a",
        {"Ref": "AWS::NoValue"}, "é", "c"],
      "text": "a"
    }}
  }
}`, cfn.Options{}, shape)
	require.Equal(t, `{"text":"us-east-1","list":["a","é","c"],"text":"a"}`, string(document.JSON))
	require.Equal(t, []cfn.Finding{{
		Level: cfn.Warning, Resource: "X", Path: "Resources.X.Properties.text", Line: 7, Column: 7,
		Message: `CloudFormation calls this property "Text"`,
	}}, findings)
	require.Equal(t, cfn.Place{Path: "Resources.X.Properties.List[3]", Line: 6, Column: 39}, document.Places["list[2]"])
	require.Equal(t, cfn.Place{Path: "Resources.X.Properties.List", Line: 5, Column: 15}, document.Places["list"])
}

func TestConditionOfTheResource(t *testing.T) {
	t.Parallel()
	document, findings := convert(t, `
Conditions: {Never: !Equals [a, b]}
Resources: {X: {Type: "T::X", Condition: Never, Properties: {Text: a}}}`, cfn.Options{}, shape)
	require.Nil(t, document)
	require.Empty(t, findings)
}

func TestNoProperties(t *testing.T) {
	t.Parallel()
	for _, rest := range []string{"", "\n    Properties:", "\n    Properties: !Ref AWS::NoValue"} {
		document, findings := convert(t, "Resources:\n  X:\n    Type: T::X"+rest, cfn.Options{}, shape)
		require.Nil(t, document)
		require.Len(t, findings, 1)
		require.Equal(t, `resource "X" has no Properties`, findings[0].Message)

		document, findings = convert(t, "Resources:\n  X:\n    Type: T::X"+rest, cfn.Options{}, cfn.Bare(shape))
		require.Empty(t, findings)
		require.Equal(t, "{}", string(document.JSON))
		require.Equal(t, "Resources.X.Properties", document.Places[""].Path)
	}
	document, findings := convert(t, "Resources: {X: {Type: T::X, Properties: []}}", cfn.Options{}, cfn.Bare(shape))
	require.Nil(t, document)
	require.Len(t, findings, 1)
	require.Equal(t, "want an object, got a list", findings[0].Message)
}

func TestParseAlone(t *testing.T) {
	t.Parallel()
	template := cfn.ParseAlone([]byte("Type: T::X\nProperties:\n  Text: !Sub \"${AWS::Region}\"\n  Whole: x"), "T::X", "T::Y")
	resources := template.Resources("T::X")
	require.Len(t, resources, 1)
	require.Equal(t, "X", resources[0].LogicalID)
	_, findings := template.Resolver(cfn.Options{}).Convert(resources[0], shape)
	require.Equal(t, []cfn.Finding{{Level: cfn.Error, Resource: "X", Path: "Properties.Whole", Line: 4, Column: 10, Message: `want a whole number, got "x"`}}, findings)

	document, findings := cfn.ParseAlone([]byte(`{"Type":"T::X","Properties":{"Text":"a"}}`), "T::X").Resolver(cfn.Options{}).Convert(resources[0], cfn.Any)
	require.NotNil(t, document)
	require.Empty(t, findings)
	for _, text := range []string{"", "a", "[]", `{"Type":"T::Z"}`, `{"Type":["T::X"]}`, `{"Type":"T::X","Resources":{}}`, `{"Type":`, "Type: T::X\n" + strings.Repeat(" ", cfn.MaxSize)} {
		require.Nil(t, cfn.ParseAlone([]byte(text), "T::X"), text)
	}
}

func TestAnchors(t *testing.T) {
	t.Parallel()
	document, findings := convert(t, `
Anything:
  Base: &base {Text: a, Whole: 1}
Resources:
  X:
    Type: T::X
    Properties:
      <<: *base
      Whole: 2
      Any: [*base]`, cfn.Options{}, shape)
	require.Empty(t, findings)
	require.JSONEq(t, `{"text":"a","whole":2,"any":[{"Text":"a","Whole":1}]}`, string(document.JSON))
}

// The last of several members with one name counts, as for CloudFormation.
func TestDuplicateKeys(t *testing.T) {
	t.Parallel()
	shape := cfn.Object(map[string]cfn.Shape{"Text": cfn.Text, "Any": cfn.Any})
	for text, want := range map[string][]string{
		"Resources:\n  X:\n    Type: T::X\n    Properties:\n      Text: a\n      Any: {b: 1, b: 2}\n      Text: c\n": {
			`line 7: Resources.X.Properties.Text: duplicate key "Text"; only this one counts`,
			`line 6: Resources.X.Properties.Any.b: duplicate key "b"; only this one counts`,
		},
		"{\"Resources\": {\"X\": {\"Type\": \"T::X\", \"Properties\":\n{\"Text\": \"a\", \"Any\": {\"b\": 1, \"b\": 2},\n\"Text\": \"c\"}}}}": {
			`line 3: Resources.X.Properties.Text: duplicate key "Text"; only this one counts`,
			`line 2: Resources.X.Properties.Any.b: duplicate key "b"; only this one counts`,
		},
		"Resources:\n  X: {Type: T::Y}\n  X: {Properties: {}, Type: T::X,\n   Properties: {Text: c, Any: {b: 2}}}\n": {
			`line 3: Resources.X: duplicate key "X"; only this one counts`,
			`line 4: Resources.X.Properties: duplicate key "Properties"; only this one counts`,
		},
	} {
		template, err := cfn.Parse([]byte(text))
		require.NoError(t, err, text)
		resources := template.Resources("T::X", "T::Y")
		require.Len(t, resources, 1)
		document, findings := template.Resolver(cfn.Options{}).Convert(resources[0], shape)
		require.JSONEq(t, `{"text":"c","any":{"b":2}}`, string(document.JSON))
		var got []string
		for _, f := range findings {
			require.Equal(t, cfn.Warning, f.Level)
			got = append(got, fmt.Sprintf("line %d: %s: %s", f.Line, f.Path, f.Message))
		}
		require.Equal(t, want, got)
	}
}

func TestRefusedTexts(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	for text, want := range map[string]string{
		"":                                    "no document",
		"a":                                   "line 1, column 1: no template: want an object with Resources",
		"Resources: [a]":                      "line 1, column 1: no template: want an object with Resources",
		"Resources: {X: a}":                   `line 1, column 13: resource "X": want an object, got a string`,
		"Resources: {}\n---\na: b":            "more than one YAML document",
		"{\"Resources\": }":                   "line 1, column 15: invalid character '}' looking for beginning of value",
		"Resources: {\"Fn::ForEach::X\": []}": `line 1, column 13: "Fn::ForEach::X" is no logical id, want letters and digits; macros are not run`,
		"Resources: {X: !Nope a}":             "line 1, column 16: unknown tag !Nope",
		"Resources: {X: !!binary aGk=}":       "line 1, column 16: unsupported tag !!binary",
		"Resources: {[a]: b}":                 "line 1, column 13: a key must be a string",
		"Resources: &a {X: *a}":               `line 1, column 19: alias "a" contains itself`,
		"Resources: {<<: a}":                  "line 1, column 17: want an object to merge, got a string",
		"Resources:\n\tX: a":                  "found character that cannot start any token",
		"Resources: " + deep:                  "nests too deep",
		`{"Resources": ` + deep + "}":         "nests too deep",
		strings.Repeat(" ", cfn.MaxSize+1):    "1048577 bytes, want at most 1048576",
	} {
		_, err := cfn.Parse([]byte(text))
		require.ErrorIs(t, err, cfn.ErrTemplate)
		require.ErrorIs(t, err, iotenant.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
	require.True(t, cfn.IsTemplate([]byte("Resources: {}")))
	require.False(t, cfn.IsTemplate([]byte(`{"detectorModel": {}}`)))
}

// TestBombs expands what is small in the template and has no end otherwise.
func TestBombs(t *testing.T) {
	t.Parallel()
	var aliases, names strings.Builder
	aliases.WriteString("A0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	names.WriteString("Resources:\n  R0: {Type: \"AWS::SNS::Topic\", Properties: {TopicName: xxxxxxxxxx}}\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&aliases, "A%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
		fmt.Fprintf(&names, "  R%d: {Type: \"AWS::SNS::Topic\", Properties: {TopicName: !Sub \"${R%d}${R%d}${R%d}\"}}\n", i, i-1, i-1, i-1)
	}
	for name, template := range map[string]string{
		"aliases": aliases.String() + "Resources: {X: {Type: \"T::X\", Properties: {Any: *a29}}}",
		"names":   names.String() + "  X: {Type: \"T::X\", Properties: {Text: !Ref R29}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document, findings := convert(t, template, cfn.Options{}, shape)
			require.Nil(t, document)
			require.Contains(t, findings[len(findings)-1].Message, "the template expands to too much")
		})
	}
}

// TestJSONAndYAMLAgree writes the same values as JSON and as YAML.
func TestJSONAndYAMLAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := drawValue(3).Draw(t, "value")
		template := map[string]any{"Resources": map[string]any{"X": map[string]any{
			"Type": "T::X", "Properties": map[string]any{"Any": value},
		}}}
		asJSON, err := json.Marshal(template)
		require.NoError(t, err)
		asYAML, err := yaml.Marshal(template)
		require.NoError(t, err)

		var documents [2]string
		for i, text := range [][]byte{asJSON, asYAML} {
			parsed, err := cfn.Parse(text)
			require.NoError(t, err, "%s", text)
			document, findings := parsed.Resolver(cfn.Options{}).Convert(parsed.Resources("T::X")[0], shape)
			require.Empty(t, findings, "%s", text)
			documents[i] = string(document.JSON)
		}
		want, err := json.Marshal(map[string]any{"any": value})
		require.NoError(t, err)
		require.JSONEq(t, string(want), documents[0])
		require.JSONEq(t, documents[0], documents[1])
	})
}

func drawValue(depth int) *rapid.Generator[any] {
	texts := rapid.OneOf(rapid.StringMatching(`[ -~éあ]{0,12}`), rapid.SampledFrom([]string{"yes", "012", "1.10", "null", "~", "2010-09-09", "1_0", "10:30", "<<", "!Ref a"}))
	scalars := rapid.OneOf(texts.AsAny(), rapid.Bool().AsAny(), rapid.IntRange(-1000, 1000).AsAny())
	if depth == 0 {
		return scalars
	}
	names := rapid.StringMatching(`[A-Za-z]{1,8}`).Filter(func(s string) bool { return s != "Ref" })
	return rapid.OneOf(scalars,
		rapid.SliceOfN(drawValue(depth-1), 1, 3).AsAny(),
		rapid.MapOfN(names, drawValue(depth-1), 1, 3).AsAny())
}

// FuzzConvert looks for panics and for output without end.
func FuzzConvert(f *testing.F) {
	for _, source := range []string{
		`!Sub "${Limit} ${!x}"`, `!If [IsProd, !Ref Topic, !GetAtt Queue.Arn]`, `!Join ["", !Ref Names]`,
		`!Select [0, !Split [",", "a,b"]]`, `!ToJsonString {a: [1]}`, "&a [*a]", "{<<: {a: b}}", "0x1", "!!binary a",
	} {
		f.Add([]byte(header + source))
	}
	f.Add([]byte(`{"Resources":{"X":{"Type":"T::X","Properties":{"Text":{"Fn::Base64":"a"}}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := cfn.Parse(data)
		if err != nil {
			require.ErrorIs(t, err, cfn.ErrTemplate)
			return
		}
		resolver := parsed.Resolver(cfn.Options{})
		for _, resource := range parsed.Resources("T::X", "AWS::SNS::Topic", "AWS::DynamoDB::Table") {
			document, findings := resolver.Convert(resource, shape)
			if document == nil {
				continue
			}
			require.True(t, json.Valid(document.JSON), "%s", document.JSON)
			for _, finding := range findings {
				require.Equal(t, cfn.Warning, finding.Level)
			}
		}
	})
}
