package smtpalerts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iotenant/iotenant/alerts"
)

// headline says in one line what happened, and where.
func headline(alert alerts.Alert) string {
	what := alert.Event
	switch facts := factsOf(&alert); {
	case facts.storm != nil:
		return fmt.Sprintf("%d alerts held back", facts.storm.Suppressed)
	case facts.alarm != "":
		what = facts.alarm
	}
	return oneLine(fmt.Sprintf("%s: %s %s", what, alert.Model, alert.Key), MaxSubject)
}

// facts are what is known of the payloads that the engine and the runtime make.
type facts struct {
	storm     *alerts.Storm
	alarm     string                     // its state
	rule      string                     // what the alarm has compared
	variables map[string]json.RawMessage // of a detector
}

func factsOf(alert *alerts.Alert) (f facts) {
	if alert.Kind == alerts.KindStorm {
		storm := &alerts.Storm{}
		if json.Unmarshal([]byte(alert.Payload), storm) == nil {
			f.storm = storm
		}
		return f
	}
	var payload struct {
		AlarmState struct {
			StateName      string `json:"stateName"`
			RuleEvaluation struct {
				SimpleRule *struct {
					InputProperty, Threshold json.RawMessage
					Operator                 string
				} `json:"simpleRule"`
			} `json:"ruleEvaluation"`
		} `json:"alarmState"`
		Payload struct {
			State struct {
				Variables map[string]json.RawMessage `json:"variables"`
			} `json:"state"`
		} `json:"payload"`
	}
	if json.Unmarshal([]byte(alert.Payload), &payload) != nil {
		return f
	}
	f.alarm, f.variables = payload.AlarmState.StateName, payload.Payload.State.Variables
	if rule := payload.AlarmState.RuleEvaluation.SimpleRule; rule != nil {
		f.rule = fmt.Sprintf("%s %s %s", rule.InputProperty, rule.Operator, rule.Threshold)
	}
	return f
}

// textOf is the text of a letter. remark is what the model adds.
func textOf(alert *alerts.Alert, remark string, maxPayload int) string {
	var b strings.Builder
	f := factsOf(alert)
	line := func(name, value string) {
		if value = oneLine(value, maxValue); value != "" {
			fmt.Fprintf(&b, "%-8s %s\n", name+":", value)
		}
	}
	b.WriteString(headline(*alert) + "\n\n")
	line("Model", alert.Model)
	line("Key", alert.Key)
	line("Event", alert.Event)
	line("State", alert.State)
	line("Time", alert.At.UTC().Format("2006-01-02 15:04:05 MST"))
	line("Rule", f.rule)
	if remark = lines(remark, "", maxRemark); remark != "" {
		b.WriteString("\n" + remark + "\n")
	}
	if shown := lines(f.shown(alert), "    ", maxPayload); shown != "" {
		b.WriteString("\n" + shown + "\n")
	}
	fmt.Fprintf(&b, "\n-- \nAlert %s\n", oneLine(alert.ID, maxValue))
	return b.String()
}

// shown is what is known, or else the payload.
func (f *facts) shown(alert *alerts.Alert) string {
	var b strings.Builder
	switch {
	case f.storm != nil:
		fmt.Fprintf(&b, "More than %d actions in this minute. Not delivered:\n", f.storm.Limit)
		for _, model := range slices.Sorted(maps.Keys(f.storm.Models)) {
			fmt.Fprintf(&b, "%s: %d\n", oneLine(model, maxValue), f.storm.Models[model])
		}
	case len(f.variables) > 0:
		for _, name := range slices.Sorted(maps.Keys(f.variables)) {
			fmt.Fprintf(&b, "%s: %s\n", oneLine(name, maxValue), oneLine(string(f.variables[name]), maxValue))
		}
	default:
		var indented bytes.Buffer
		if json.Indent(&indented, []byte(alert.Payload), "", "  ") != nil {
			return alert.Payload
		}
		return indented.String()
	}
	return b.String()
}

// Limits of texts in a letter, in characters and bytes.
const (
	maxValue  = 500
	maxRemark = 4 << 10
)

// oneLine makes a line of a text: without line breaks and other control
// characters, of at most so many characters.
func oneLine(text string, most int) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), isBreak), " ")
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most-1]) + "…"
	}
	return text
}

// isBreak reports whether a character separates words, or would do something to
// the text around it.
func isBreak(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// lines are the lines of a text, each indented, of at most so many bytes.
func lines(text, indent string, most int) string {
	text = strings.ToValidUTF8(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\t", "    ").Replace(text), "\uFFFD")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "\n…"
	}
	var kept []string
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		kept = append(kept, indent+strings.Map(func(r rune) rune {
			if r != ' ' && isBreak(r) {
				return -1
			}
			return r
		}, line))
	}
	if len(kept) == 1 && strings.TrimSpace(kept[0]) == "" {
		return ""
	}
	return strings.Join(kept, "\n")
}
