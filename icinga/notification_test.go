package icinga_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shitops/opsbot/icinga"
)

func at(sec int64) time.Time { return time.Unix(sec, 0).UTC() }

func warning() icinga.Notification {
	return icinga.Notification{
		Type: icinga.TypeProblem, Host: "ams-1", Service: hitRate, State: icinga.Warning, StateType: icinga.Hard, Number: 1,
		Output: "HIT RATE WARNING: 71.2 %", User: "ops", ExecutionEnd: at(1795334043), LastStateChange: at(1795334043),
		LastHardStateChange: at(1795334043), LastGood: at(1795334000), At: at(1795334044),
	}
}

const bodyOfWarning = `{"version":1,"type":"PROBLEM","host":"ams-1","service":"Cache Hit Rate","state":"WARNING","state_type":"HARD","number":1,` +
	`"output":"HIT RATE WARNING: 71.2 %","user":"ops","execution_end":1795334043,"last_state_change":1795334043,` +
	`"last_hard_state_change":1795334043,"last_good":1795334000,"at":1795334044}`

func TestBodyIsAsDocumented(t *testing.T) {
	t.Parallel()
	body, err := warning().Body()
	if diff := cmp.Diff(bodyOfWarning+"\n", string(body)); err != nil || diff != "" {
		t.Errorf("Body: %v (-want +got):\n%s", err, diff)
	}
	got, err := icinga.ParseNotification([]byte(bodyOfWarning))
	if diff := cmp.Diff(warning(), got); err != nil || diff != "" {
		t.Errorf("ParseNotification: %v (-want +got):\n%s", err, diff)
	}
}

func TestBadBodiesAreNamed(t *testing.T) {
	t.Parallel()
	with := func(old, replacement string) string { return strings.Replace(bodyOfWarning, old, replacement, 1) }
	for _, tt := range []struct{ name, body, say string }{
		{"nothing", ``, "want a JSON object"},
		{"a list", `[]`, "want a JSON object"},
		{"half", bodyOfWarning[:60], "EOF"},
		{"two", bodyOfWarning + bodyOfWarning, "something follows"},
		{"huge", with("HIT", strings.Repeat("x", 300<<10)), "at most 262144"},
		{"long output", with("HIT", strings.Repeat("x", 65<<10)), "output has 66"},
		{"no version", with(`"version":1,`, ``), "version 0"},
		{"a later version", with(`"version":1`, `"version":2`), "run the same release"},
		{"an unknown key", with(`"host"`, `"node":"x","host"`), `"node" is unknown`},
		{"a key in another case", with(`"host"`, `"HOST"`), `"HOST" is unknown`},
		{"a key twice", with(`"host"`, `"host":"a","host"`), `"host" is unknown, or given twice`},
		{"a wrong type", with(`"number":1`, `"number":"1"`), `key "number"`},
		{"an object inside", with(`"ops"`, `{"a":1}`), `key "user"`},
		{"no host", with(`"ams-1"`, `""`), "host is empty"},
		{"an injected host", with(`"ams-1"`, `"ams-1!x"`), `no "!"`},
		{"a line end in a name", with(`"ams-1"`, `"ams-1\nx"`), "control characters"},
		{"a name too long", with(`"ams-1"`, `"`+strings.Repeat("a", 256)+`"`), "256 bytes"},
		{"a state of hosts", with(`"WARNING"`, `"DOWN"`), `state "DOWN" is none of a service`},
		{"a problem that is none", with(`"WARNING"`, `"OK"`), "cannot have the state"},
		{"a recovery that is none", with(`"PROBLEM"`, `"RECOVERY"`), "cannot have the state"},
		{"an unknown type", with(`"PROBLEM"`, `"PARTY"`), `type "PARTY"`},
		{"no state type", with(`"HARD"`, `""`), "neither SOFT nor HARD"},
		{"a negative number", with(`"number":1`, `"number":-1`), "negative"},
		{"milliseconds", with(`"at":1795334044`, `"at":1795334044000`), "no Unix time in seconds"},
		{"a fraction", with(`"at":1795334044`, `"at":1795334044.5`), `key "at"`},
		{"no time", `{"version":1,"type":"PROBLEM","host":"a","state":"DOWN","state_type":"HARD","number":1}`, "no time is told"},
		{"several at once", `{"version":1,"type":"X","host":"","state":"Y","state_type":"Z","number":-1}`, `type "X"`},
	} {
		_, err := icinga.ParseNotification([]byte(tt.body))
		if !errors.Is(err, icinga.ErrInvalid) {
			t.Errorf("%s: ParseNotification = %v, want ErrInvalid", tt.name, err)
			continue
		}
		wantError(t, tt.name, err, tt.say)
		if len(err.Error()) > 1000 {
			t.Errorf("%s: the error has %d bytes", tt.name, len(err.Error()))
		}
	}
	if _, err := (icinga.Notification{}).Body(); !errors.Is(err, icinga.ErrInvalid) {
		t.Errorf("Body of nothing = %v, want ErrInvalid", err)
	}
}

func FuzzParseNotification(f *testing.F) {
	f.Add([]byte(bodyOfWarning))
	f.Add([]byte(`{"version":1,"type":"CUSTOM","host":"a","state":"","at":5}`))
	f.Add([]byte(`{"version":1,"host":"\ud800"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := icinga.ParseNotification(data)
		if err != nil {
			if !errors.Is(err, icinga.ErrInvalid) {
				t.Fatalf("ParseNotification(%q) = %v, want ErrInvalid", data, err)
			}
			return
		}
		body, err := n.Body()
		if err != nil {
			t.Fatalf("Body of what was parsed from %q: %v", data, err)
		}
		again, err := icinga.ParseNotification(body)
		if diff := cmp.Diff(n, again); err != nil || diff != "" {
			t.Fatalf("%q read twice: %v (-first +second):\n%s", data, err, diff)
		}
		if id := n.Trigger(icinga.Problem{}).ID(); strings.ContainsAny(id, "\n\r\x00") || !utf8.ValidString(id) {
			t.Fatalf("trigger id %q of %q", id, data)
		}
	})
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	good := map[string]string{
		"ICINGA_TYPE": "PROBLEM", "ICINGA_HOST": "ams-1", "ICINGA_SERVICE": hitRate, "ICINGA_STATE": "WARNING", "ICINGA_STATE_TYPE": "HARD",
		"ICINGA_NUMBER": "1", "ICINGA_OUTPUT": "HIT RATE WARNING: 71.2 %", "ICINGA_USER": "ops", "ICINGA_EXECUTION_END": "1795334043.52142",
		"ICINGA_LAST_STATE_CHANGE": "1795334043", "ICINGA_LAST_HARD_STATE_CHANGE": "1795334043", "ICINGA_LAST_GOOD": "1795334000", "ICINGA_AT": "1795334044",
	}
	parse := func(changes ...string) (icinga.Notification, error) {
		return icinga.NotificationFromEnv(func(key string) string {
			for i := 0; i < len(changes); i += 2 {
				if changes[i] == key {
					return changes[i+1]
				}
			}
			return good[key]
		})
	}
	got, err := parse()
	if diff := cmp.Diff(warning(), got); err != nil || diff != "" {
		t.Errorf("NotificationFromEnv: %v (-want +got):\n%s", err, diff)
	}
	got, err = parse("ICINGA_OUTPUT", "caf\xe9 "+strings.Repeat("é", 64<<10), "ICINGA_LAST_GOOD", "-1", "ICINGA_TYPE", "DOWNTIMEREMOVED")
	if err != nil || len(got.Output) > 64<<10 || !utf8.ValidString(got.Output) || !got.LastGood.IsZero() || got.Type != icinga.TypeDowntimeCancelled {
		t.Errorf("what does not fit is cut: %d bytes, %v, %v, %v", len(got.Output), got.LastGood, got.Type, err)
	}
	for _, tt := range []struct{ key, value, say string }{
		{"ICINGA_NUMBER", "many", "ICINGA_NUMBER"}, {"ICINGA_AT", "yesterday", "ICINGA_AT"}, {"ICINGA_LAST_GOOD", "-17", "ICINGA_LAST_GOOD"},
		{"ICINGA_STATE", "", "state"}, {"ICINGA_HOST", "", "host is empty"}, {"ICINGA_TYPE", "problem", "type"},
	} {
		_, err := parse(tt.key, tt.value)
		wantError(t, tt.key+"="+tt.value, err, tt.say)
	}
	_, err = icinga.NotificationFromEnv(func(string) string { return "" })
	wantError(t, "an empty environment", err, "icinga-kit")
}

const webhook = `{"contact":{"full_name":"Anna","addresses":[{"type":"email","address":"anna@example.org"}]},
"object":{"name":"ams-1!Cache Hit Rate","url":"https://icinga.example/x","tags":{"host":"ams-1","service":"Cache Hit Rate"}},
"incident":{"id":17,"url":"https://icinga.example/incident?id=17","severity":"warning"},
"event":{"time":"2026-11-22T08:54:03.521+01:00","message":"71.2 %"}}`

func TestWebhook(t *testing.T) {
	t.Parallel()
	want := icinga.Notification{
		Type: icinga.TypeProblem, Host: "ams-1", Service: hitRate, State: icinga.Warning, StateType: icinga.Hard, Output: "71.2 %", User: "Anna",
		Incident: "17", ExecutionEnd: at(1795334043), At: at(1795334043),
	}
	got, err := icinga.ParseWebhook([]byte(webhook))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatalf("ParseWebhook: %v (-want +got):\n%s", err, diff)
	}
	host := strings.Replace(webhook, `,"service":"Cache Hit Rate"}`, `}`, 1)
	for _, tt := range []struct {
		body, level string
		typ         icinga.NotificationType
		state       icinga.State
	}{
		{webhook, "ok", icinga.TypeRecovery, icinga.OK}, {webhook, "debug", icinga.TypeCustom, icinga.OK}, {webhook, "info", icinga.TypeCustom, icinga.OK},
		{webhook, "notice", icinga.TypeCustom, icinga.OK}, {webhook, "err", icinga.TypeProblem, icinga.Unknown}, {webhook, "crit", icinga.TypeProblem, icinga.Critical},
		{webhook, "alert", icinga.TypeProblem, icinga.Critical}, {webhook, "emerg", icinga.TypeProblem, icinga.Critical},
		{host, "ok", icinga.TypeRecovery, icinga.Up}, {host, "crit", icinga.TypeProblem, icinga.Down}, {host, "warning", icinga.TypeProblem, icinga.Down},
	} {
		n, err := icinga.ParseWebhook([]byte(strings.Replace(tt.body, `"severity":"warning"`, `"severity":"`+tt.level+`"`, 1)))
		if err != nil || n.Type != tt.typ || n.State != tt.state {
			t.Errorf("severity %s of %q: %s %s, %v; want %s %s", tt.level, n.Service, n.Type, n.State, err, tt.typ, tt.state)
		}
	}
	news, err := icinga.ParseWebhook([]byte(strings.Replace(webhook, `{"id":17,"url":"https://icinga.example/incident?id=17","severity":"warning"}`, `null`, 1)))
	if err != nil || news.Type != icinga.TypeCustom || news.State != "" || news.Incident != "" {
		t.Errorf("without an incident: %+v, %v; want news", news, err)
	}
	for _, id := range []string{`"17"`, `17`, `null`} { // the last from the address
		n, err := icinga.ParseWebhook([]byte(strings.Replace(webhook, `"id":17`, `"id":`+id, 1)))
		if err != nil || n.Incident != "17" {
			t.Errorf("incident id %s: %q, %v; want 17", id, n.Incident, err)
		}
	}
	for _, tt := range []struct{ old, replacement, say string }{
		{`"warning"`, `"loud"`, `severity "loud"`}, {`"host":"ams-1"`, `"cluster":"x"`, "host is empty"}, {`"2026-11-22T08:54:03.521+01:00"`, `"now"`, "invalid"},
		{`"id":17,"url":"https://icinga.example/incident?id=17"`, `"id":0`, "no id"}, {`"tags":{`, `"tags":7,"x":{`, "tags"}, {`{"contact"`, `["contact"`, "invalid"},
	} {
		_, err := icinga.ParseWebhook([]byte(strings.Replace(webhook, tt.old, tt.replacement, 1)))
		wantError(t, tt.replacement, err, tt.say)
	}
	if _, err := icinga.ParseWebhook(bytes.Repeat([]byte(" "), icinga.MaxBody+1)); !errors.Is(err, icinga.ErrInvalid) {
		t.Errorf("a huge body = %v, want ErrInvalid", err)
	}
}

func FuzzParseWebhook(f *testing.F) {
	f.Add([]byte(webhook))
	f.Add([]byte(`{"incident":{"id":"x","severity":"ok"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := icinga.ParseWebhook(data)
		if err == nil {
			if _, err := n.Body(); err != nil {
				t.Fatalf("ParseWebhook(%q) gives what Body refuses: %v", data, err)
			}
		} else if !errors.Is(err, icinga.ErrInvalid) {
			t.Fatalf("ParseWebhook(%q) = %v, want ErrInvalid", data, err)
		}
	})
}

func FuzzDecodeAnswer(f *testing.F) {
	f.Add(200, []byte(`{"results":[{"name":"a!b","attrs":{"state":2,"vars":[],"last_check_result":{"performance_data":[{"label":"x","value":1}]}}}]}`))
	f.Add(404, []byte(`{"error":404,"status":"No objects found."}`))
	f.Add(500, []byte(`{"results":[]}`))
	f.Fuzz(func(_ *testing.T, status int, data []byte) {
		if _, _, err := icinga.Decode(status, data); err != nil {
			_ = err.Error()
		}
	})
}

func TestTrigger(t *testing.T) {
	t.Parallel()
	first := warning().Trigger(icinga.Problem{})
	if got, want := first.ID(), "ams-1!Cache Hit Rate@1795334043/WARNING/1"; got != want {
		t.Errorf("ID = %q, want %q", got, want)
	}
	other := warning()
	other.User, other.At, other.Output = "someone else", other.At.Add(2*time.Second), "HIT RATE WARNING: 70.9 %"
	if got := other.Trigger(icinga.Problem{}); got != first || got.Key() != first.Key() {
		t.Errorf("for another user: %v, want the same trigger %v", got, first)
	}
	reminder := warning()
	reminder.Number = 2
	worse := warning()
	worse.State, worse.Number, worse.ExecutionEnd, worse.LastHardStateChange = icinga.Critical, 2, at(1795334103), at(1795334103)
	ack := warning()
	ack.Type = icinga.TypeAcknowledgement
	for name, n := range map[string]icinga.Notification{"a reminder": reminder, "a worse state": worse, "an acknowledgement": ack} {
		got := n.Trigger(first.Problem)
		if got == first || got.ID() == first.ID() || got.Key() == first.Key() {
			t.Errorf("%s: %v, want another trigger than %v", name, got, first)
		}
		if got.Problem != first.Problem {
			t.Errorf("%s: problem %v, want %v to go on", name, got.Problem, first.Problem)
		}
	}
	elsewhere := warning()
	elsewhere.Host = "ams-2"
	if elsewhere.Trigger(first.Problem).Problem == first.Problem {
		t.Error("another host shares the problem")
	}
	data, err := json.Marshal(first)
	var back icinga.Trigger
	if err != nil || json.Unmarshal(data, &back) != nil || back != first {
		t.Errorf("through JSON: %s, %v: %v, want %v", data, err, back, first)
	}
}

// TestProblemIdentity plays random lives of an object: whatever is reported, an object has one problem from its first hard bad state until it is well.
func TestProblemIdentity(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var open, truth icinga.Problem
		now, well, hard := int64(1795334043), int64(0), int64(0)
		state, number := icinga.OK, 0
		for range rapid.IntRange(1, 30).Draw(t, "checks") {
			now += int64(rapid.IntRange(1, 900).Draw(t, "gap"))
			next := rapid.SampledFrom([]icinga.State{icinga.OK, icinga.Warning, icinga.Critical, icinga.Unknown}).Draw(t, "state")
			n := icinga.Notification{Type: icinga.TypeProblem, Host: "a", Service: "s", State: next, StateType: icinga.Hard, ExecutionEnd: at(now), At: at(now)}
			if next != state {
				hard = now
			}
			if next.Good() {
				well, n.Type = now, icinga.TypeRecovery
			} else if state.Good() {
				truth = icinga.Problem{Host: "a", Service: "s", Since: at(now)}
			}
			number++
			n.Number, n.LastHardStateChange, n.LastStateChange, n.LastGood = number, at(hard), at(hard), at(well)
			state = next
			if next.Good() && truth.IsZero() {
				continue
			}
			if got := n.Problem(open); got != truth {
				t.Fatalf("%s at %d: problem %v with %v open, want %v", next, now, got, open, truth)
			}
			if open = truth; next.Good() {
				// The recovery may be lost: then what was open stays.
				if truth = (icinga.Problem{}); !rapid.Bool().Draw(t, "recovery is lost") {
					open = icinga.Problem{}
				}
			}
		}
	})
}

func ExampleParseNotification() {
	n, err := icinga.ParseNotification([]byte(bodyOfWarning))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(n.Name(), n.State)
	fmt.Println(n.Trigger(icinga.Problem{}).ID())
	// Output:
	// ams-1!Cache Hit Rate WARNING
	// ams-1!Cache Hit Rate@1795334043/WARNING/1
}
