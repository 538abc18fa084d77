package detector

import (
	"encoding/json"
	"strings"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// Analysis is what [Analyze] found.
type Analysis struct {
	Findings []Finding
}

// Analyze reads a model as [Load] does and reports all that the service's
// StartDetectorModelAnalysis reported, in its words and on its levels: what
// exceeds a quota of the service is an error here, as with [Options.Strict],
// and what the service only guessed is a warning. Beside the findings of Load
// these are about types: which type the expressions give to each attribute
// and variable, and where they disagree; about what can't be reached; about
// variables that are read before they are set; and about expressions that
// overlook that a timer can be the trigger.
//
// A model that Analyze finds errors in may run all the same: Load tells.
func Analyze(data []byte, optFns ...func(*Options)) *Analysis {
	o := Options{}
	for _, fn := range optFns {
		fn(&o)
	}
	o.Strict = true
	r := newReader(&o)
	if members, ok := parseDocument(data, &r.findings); ok {
		r.checkSize(data)
		r.document(r.object("", members))
		r.link()
		r.analyze()
	}
	return &Analysis{r.findings.all}
}

// Failed reports whether there is an error among the findings: the service
// refused such a model.
func (a *Analysis) Failed() bool {
	for i := range a.Findings {
		if a.Findings[i].Level == LevelError {
			return true
		}
	}
	return false
}

// String returns the findings as text, one after the other, with carets.
func (a *Analysis) String() string {
	var text strings.Builder
	for i := range a.Findings {
		text.WriteString(a.Findings[i].String() + "\n")
	}
	return text.String()
}

type analysisResults struct {
	Results []analysisResult `json:"analysisResults"`
}

type analysisResult struct {
	Type      FindingType        `json:"type"`
	Level     Level              `json:"level"`
	Message   string             `json:"message"`
	Locations []analysisLocation `json:"locations"`
}

type analysisLocation struct {
	Path string `json:"path"`
}

// MarshalJSON returns the findings as the service's
// GetDetectorModelAnalysisResults did:
//
//	{"analysisResults":[{"type":"data-type","level":"ERROR","message":"…","locations":[{"path":"states[0].onInput.events[0].condition"}]}]}
func (a *Analysis) MarshalJSON() ([]byte, error) {
	results := analysisResults{Results: []analysisResult{}}
	for i := range a.Findings {
		f := &a.Findings[i]
		result := analysisResult{f.Type, f.Level, f.Message, []analysisLocation{}}
		if f.Path != "" {
			result.Locations = append(result.Locations, analysisLocation{f.Path})
		}
		results.Results = append(results.Results, result)
	}
	return json.Marshal(results)
}

// analyze adds what Load has no use for.
func (r *reader) analyze() {
	r.inferTypes()
	if r.model.alarm != nil || len(r.model.states) == 0 {
		return
	}
	r.checkReach()
	r.checkOrder()
	r.checkTimers()
}

// expressionFinding adds a finding about a node of an expression.
func (r *reader) expressionFinding(level Level, kind FindingType, f *formula, node exprlang.Node, message string) {
	at := &exprlang.Error{Source: f.source, Offset: node.Offset()}
	r.findings.expression(level, kind, f.path, at, message)
}
