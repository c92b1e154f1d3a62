package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/bot/config"
)

// monitored is the least that can ask the monitoring.
const monitored = base + "icinga: {url: \"https://i:5665\", user: o, password_env: P}\n"

// TestAlertMistakes has one case for each class of mistake about alerts, jobs and what guards them.
func TestAlertMistakes(t *testing.T) {
	t.Parallel()
	sender := func(rest string) string { return base + "icinga:\n  notifications: [{name: i2, " + rest + "}]\n" }
	rule := func(rest string) string { return monitored + "rules:\n  - {name: r1, " + rest + "}\n" }
	job := func(rest string) string { return base + "jobs:\n  - {name: j1, " + rest + "}\n" }
	for _, test := range []struct{ name, given, want string }{
		// The monitoring.
		{"no url", base + "icinga: {user: o}\n", `3:9: icinga.url: is missing`},
		{"plain http", base + "icinga: {url: \"http://i:5665\", user: o, password_env: P}\n", `3:15: icinga.url: is http`},
		{"password in the url", base + "icinga: {url: \"https://o:p@i\", user: o, password_env: P}\n", `3:15: icinga.url: `},
		{"no user", base + "icinga: {url: \"https://i\", password_env: P}\n", `3:9: icinga.user: is missing`},
		{"user of a password", base + "icinga: {url: \"https://i\", user: \"o:p\", password_env: P}\n", `3:34: icinga.user: "o:p" is no name of an ApiUser`},
		{"no password", base + "icinga: {url: \"https://i\", user: o}\n", `3:9: icinga.password_file: is missing; the API asks for it`},
		{"password as a value", base + "icinga: {url: \"https://i\", user: o, password: hunter2}\n", `3:37: icinga.password: unknown key; known: url, user, password_file`},
		{"two passwords", base + "icinga: {url: \"https://i\", user: o, password_env: P, password_file: p}\n", `3:51: icinga.password_env: is one place too many`},
		{"certificate without its key", base + "icinga: {url: \"https://i\", user: o, certificate_file: c}\n", `3:9: icinga.key_file: is missing; it is the key of certificate_file`},
		{"pin", base + "icinga: {url: \"https://i\", user: o, password_env: P, pins: [abc]}\n", `3:61: icinga.pins[0]: "abc" is no digest of a key`},
		{"instance", base + "icinga: {instance: \"a b\"}\n", `3:20: icinga.instance: "a b" is no name`},
		{"registration nowhere", base + "icinga: {register: true}\n", `3:9: icinga.url: is missing; it is the address of the API`},
		{"heartbeat nowhere", base + "icinga: {heartbeat: {host: opsbot}}\n", `3:9: icinga.url: is missing; it is the address of the API`},
		{"hasty heartbeat", base + "icinga: {url: \"https://i\", user: o, password_env: P, heartbeat: {host: opsbot, every: 1ms}}\n", `3:87: icinga.heartbeat.every: 1ms is too short`},
		{"server name", base + "icinga: {url: \"https://i\", user: o, password_env: P, server_name: \"a b\"}\n", `3:67: icinga.server_name: "a b" is no name of a server`},
		{"sender without proof", sender("hmac: []"), `4:19: icinga.notifications[0]: has no proof`},
		{"sender with two proofs", sender("bearer_env: B, hmac: [{id: k, secret_env: S}]"), `4:19: icinga.notifications[0]: has two proofs`},
		{"three keys", sender("hmac: [{id: a, secret_env: A}, {id: b, secret_env: B}, {id: c, secret_env: C}]"), `4:36: icinga.notifications[0].hmac: has 3 keys`},
		{"one key twice", sender("hmac: [{id: a, secret_env: A}, {id: a, secret_env: B}]"), `4:66: icinga.notifications[0].hmac[1].id: "a" is here twice`},
		{"key without a name", sender("hmac: [{secret_env: A}]"), `4:37: icinga.notifications[0].hmac[0].id: is missing`},
		{"key with a bad name", sender("hmac: [{id: \"a b\", secret_env: A}]"), `4:42: icinga.notifications[0].hmac[0].id: "a b" is no name of a key`},
		{"key without a secret", sender("hmac: [{id: a}]"), `4:37: icinga.notifications[0].hmac[0].secret_file: is missing`},
		{"sender twice", base + "icinga: {notifications: [{name: a, bearer_env: B}, {name: a, bearer_env: C}]}\n", `3:59: icinga.notifications[1].name: "a" is here twice`},
		// Rules.
		{"rule without a name", monitored + "rules: [{do: help}]\n", `4:9: rules[0].name: is missing`},
		{"rule without a command", rule(""), `5:5: rules[0].do: is missing`},
		{"hole", rule(`do: "flush {{nod}}"`), `5:20: rules[0].do: "{{nod}}" is nothing that can be filled in; did you mean "{{node}}"?`},
		{"half a hole", rule(`do: "flush {{node"`), `5:20: rules[0].do: "{{" is nothing that can be filled in`},
		{"long command", rule("do: " + strings.Repeat("x", 2001)), `5:20: rules[0].do: has 2001 bytes; at most 2000`},
		{"command of no language", rule(`do: "dance on {{node}}"`), `5:20: rules[0].do: nobody understands dance on {{node}}`},
		{"diagnosis", rule(`do: x, diagnose: cache.stal`), `5:33: rules[0].diagnose: "cache.stal" is not known; did you mean "cache.stale"?`},
		{"state", rule(`do: x, when: {state: [WARN]}`), `5:38: rules[0].when.state[0]: "WARN" is not known`},
		{"state of peace", rule(`do: x, when: {state: [OK]}`), `5:38: rules[0].when.state[0]: "OK" is not known`},
		{"state twice", rule(`do: x, when: {state: [DOWN, DOWN]}`), `5:44: rules[0].when.state[1]: "DOWN" is here twice`},
		{"no state", rule(`do: x, when: {state: []}`), `5:37: rules[0].when.state: is empty, which could mean all or none`},
		{"kind", rule(`do: x, when: {kind: RECOVERY}`), `5:36: rules[0].when.kind: "RECOVERY" is not known`},
		{"long service", rule("do: x, when: {service: " + strings.Repeat("s", 256) + "}"), `5:39: rules[0].when.service: has 256 bytes`},
		{"guard of no group", rule(`do: x, guard: {group: rack}`), `5:38: rules[0].guard.group: "rack" is not known`},
		{"guard of none", rule(`do: x, guard: {at_most: 0}`), `5:40: rules[0].guard.at_most: 0 is out of bounds; 1 to 1000`},
		{"guard of no time", rule(`do: x, guard: {per: 1s}`), `5:36: rules[0].guard.per: 1s is too short; at least 1m`},
		{"guard of years", rule(`do: x, guard: {cooldown: 31d}`), `5:41: rules[0].guard.cooldown: 31d is too long; at most 30d`},
		{"breaker", rule(`do: x, guard: {breaker: 0}`), `5:40: rules[0].guard.breaker: 0 is out of bounds`},
		{"owner", rule(`do: x, owner: ana`), `5:30: rules[0].owner: there is no person "ana"; did you mean "anna"?`},
		{"empty owner", rule(`do: x, owner: ""`), `5:30: rules[0].owner: is empty; name a person`},
		{"neither true nor false", rule(`do: x, enabled: yes`), `5:32: rules[0].enabled: "yes" is neither true nor false`},
		{"rules of one name", monitored + "rules: [{name: r, do: x}, {name: r, do: x}]\n", `4:34: rules[1].name: "r" is here twice`},
		{"rule of the language", monitored + "rules: [{name: all, do: x}]\n", `4:16: rules[0].name: "all" is a word of the command language`},
		// Jobs.
		{"job without a time", job(`do: x, owner: anna`), `4:5: jobs[0].at: is missing`},
		{"four fields", job(`at: "5 * * *", do: x, owner: anna`), `4:20: jobs[0].at: "5 * * *" is no schedule`},
		{"time of no clock", job(`at: "99 * * * *", do: x, owner: anna`), `4:20: jobs[0].at: no such time 99 * * * *`},
		{"@reboot", job(`at: "@reboot", do: x, owner: anna`), `4:20: jobs[0].at: "@reboot" is no schedule`},
		{"job without a command", job(`at: "@every 5m", owner: anna`), `4:5: jobs[0].do: is missing`},
		{"hole in a job", job(`at: "@every 5m", do: "flush {{node}}", owner: anna`), `4:37: jobs[0].do: "{{node}}" is filled in for rules alone`},
		{"job of nobody", job(`at: "@every 5m", do: x`), `4:5: jobs[0].owner: is missing; the job acts with the rights of that person`},
		{"job of a stranger", job(`at: "@every 5m", do: x, owner: zoe`), `4:47: jobs[0].owner: there is no person "zoe"`},
		{"missed", job(`at: "@every 5m", do: x, owner: anna, missed: twice`), `4:61: jobs[0].missed: "twice" is not known; known: skip, once`},
		// Guards.
		{"approval without intents", base + "approvals: [{role: operator}]\n", `3:13: approvals[0].intents: is missing`},
		{"approval without a role", base + "approvals: [{intents: [help]}]\n", `3:13: approvals[0].role: is missing`},
		{"approval of no role", base + "approvals: [{intents: [help], role: bos}]\n", `3:37: approvals[0].role: there is no role "bos"`},
		{"approval of no intent", base + "approvals: [{intents: [\"a b\"], role: operator}]\n", `3:24: approvals[0].intents[0]: "a b" is no intent`},
		{"approval of nobody", base + "approvals: [{intents: [help], role: operator, people: 0}]\n", `3:55: approvals[0].people: 0 is out of bounds`},
		{"approval at once", base + "approvals: [{intents: [help], role: operator, within: 5s}]\n", `3:55: approvals[0].within: 5s is too short`},
		{"quota without a number", base + "quotas: [{intents: [help], role: operator}]\n", `3:10: quotas[0].at_most: is missing`},
		{"quota of none", base + "quotas: [{intents: [help], role: operator, at_most: 0}]\n", `3:53: quotas[0].at_most: 0 is out of bounds`},
		{"quota of no role", base + "quotas: [{intents: [help], at_most: 1}]\n", `3:10: quotas[0].role: is missing`},
		{"quota of no time", base + "quotas: [{intents: [help], role: operator, at_most: 1, per: 0s}]\n", `3:61: quotas[0].per: 0s is too short`},
		{"freeze without a begin", base + "freeze: [{name: f, to: \"10:00\"}]\n", `3:10: freeze[0].from: is missing`},
		{"freeze without an end", base + "freeze: [{name: f, from: \"10:00\"}]\n", `3:10: freeze[0].to: is missing`},
		{"freeze without a name", base + "freeze: [{from: \"10:00\", to: \"11:00\"}]\n", `3:10: freeze[0].name: is missing`},
		{"freeze on no day", base + "freeze: [{name: f, from: \"10:00\", to: \"11:00\", days: [sunday]}]\n", `3:55: freeze[0].days[0]: "sunday" is not known`},
		{"freeze on an empty list", base + "freeze: [{name: f, from: \"10:00\", to: \"11:00\", days: []}]\n", `3:54: freeze[0].days: is empty, which could mean all or none`},
		{"freeze of reading", base + "freeze: [{name: f, from: \"10:00\", to: \"11:00\", risk: read}]\n", `3:54: freeze[0].risk: "read" is not known`},
		{"glass of no role", base + "break_glass: {roles: [boss]}\n", `3:23: break_glass.roles[0]: there is no role "boss"`},
		{"glass for days", base + "break_glass: {for: 2d}\n", `3:20: break_glass.for: 2d is too long; at most 1d`},
		// People.
		{"order of a stranger", base + "oncall: {order: [zoe]}\n", `3:18: oncall.order[0]: there is no person "zoe"`},
		{"order twice", base + "oncall: {order: [anna, anna]}\n", `3:24: oncall.order[1]: "anna" is here twice`},
		{"calendar of no file", base + "oncall: {calendar: {}}\n", `3:20: oncall.calendar.file: is missing`},
		{"escalation at once", base + "oncall: {escalate_after: 1s}\n", `3:26: oncall.escalate_after: 1s is too short`},
		{"door of nowhere", base + "oncall: {by: [slack]}\n", `3:15: oncall.by[0]: "slack" is no door of this file; give the key slack`},
		{"no door", base + "oncall: {by: []}\n", `3:14: oncall.by: is empty`},
		{"quiet", "data_dir: /d\npeople: [{name: anna, roles: [viewer], unix: [a], quiet: \"22-7\"}]\n", `2:58: people[0].quiet: "22" is no time of day`},
		{"quiet all day", "data_dir: /d\npeople: [{name: anna, roles: [viewer], unix: [a], quiet: \"07:00-07:00\"}]\n", `2:58: people[0].quiet: "07:00-07:00" would be the whole day`},
		// Sizes.
		{"size of no unit", base + "limits: {body: 256KB}\n", `3:16: limits.body: "256KB" is no number of bytes; write one such as 256KiB`},
		{"size of nothing", base + "limits: {body: 0}\n", `3:16: limits.body: 0 is out of bounds; 1KiB to 16MiB`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Parse([]byte(test.given), "f.yaml", foreign())
			var got config.Mistakes
			if c != nil || !errors.As(err, &got) {
				t.Fatalf("Parse = %v, %v, want Mistakes; given\n%s", c, err, test.given)
			}
			if !strings.Contains(got.Error(), "f.yaml:"+test.want) {
				t.Errorf("Parse says\n%s\nwant f.yaml:%s\ngiven\n%s", got, test.want, test.given)
			}
		})
	}
}

// foreign stands for the rooms that understand commands and schedules.
func foreign() config.Options {
	return config.Options{
		Command: func(text string) error {
			if strings.HasPrefix(text, "dance") {
				return errors.New("nobody understands\n" + text)
			}
			return nil
		},
		Schedule: func(at string) error {
			if strings.HasPrefix(at, "99") {
				return errors.New("no such time " + at)
			}
			return nil
		},
	}
}

func TestAlertWarnings(t *testing.T) {
	t.Parallel()
	hooks := "listeners: [{address: \"h:1\", serve: [hooks]}]\n"
	for _, test := range []struct {
		name, given string
		want        []string
	}{
		{"the whole", full, nil},
		{"nobody else", base + "approvals: [{intents: [help], role: operator}]\n", []string{`3:37: approvals[0].role: 1 of 1 people hold role operator; when one of them asks`}},
		{"nowhere to post", base + "icinga: {notifications: [{name: a, bearer_env: B}]}\n", []string{`3:25: icinga.notifications: nobody can post alerts: no listener serves the group hooks`}},
		{"hooks that nothing needs", base + hooks, nil},
		{"no monitoring", base + "rules: [{name: r, do: x, diagnose: cache.stale, when: {host: h}}]\n", []string{`3:8: rules: no rule can act`}},
		{"no diagnosis", monitored + "rules: [{name: r, do: x, when: {host: h}}]\n", []string{`4:9: rules[0]: rule r acts without a diagnosis`}},
		{"everything", monitored + "rules: [{name: r, do: x, diagnose: cache.stale}]\n", []string{`4:9: rules[0].when: matches every problem of every host`}},
		{"no rest", monitored + "rules: [{name: r, do: x, diagnose: cache.stale, when: {host: h}, guard: {cooldown: 0s}}]\n", []string{
			`4:84: rules[0].guard.cooldown: 0s leaves the node no time to recover`,
		}},
	} {
		c, err := config.Parse([]byte(test.given), "f.yaml", config.Options{})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if len(c.Warnings) != len(test.want) {
			t.Errorf("%s: warnings %v, want %q", test.name, c.Warnings, test.want)
			continue
		}
		for i, w := range c.Warnings {
			if !strings.HasPrefix(w.String(), "f.yaml:"+test.want[i]) {
				t.Errorf("%s: warning %q, want %q", test.name, w, test.want[i])
			}
		}
	}
}

// TestDefaultRule: the rule for low hit rates is there as soon as the monitoring is, and goes when it is told to.
func TestDefaultRule(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, given string
		want        []config.Rule
	}{
		{"no monitoring", base, nil},
		{"senders alone", base + "icinga: {notifications: [{name: a, bearer_env: B}]}\n", nil},
		{"monitoring", monitored, config.DefaultRules()},
		{"a key with nothing behind it", monitored + "rules:\n", config.DefaultRules()},
		{"switched off", monitored + "rules: []\n", []config.Rule{}},
	} {
		c := parse(t, test.given)
		if diff := cmp.Diff(test.want, c.Rules); diff != "" {
			t.Errorf("%s: rules (-want +got):\n%s", test.name, diff)
		}
		v, err := config.ParseVocabulary([]byte(test.given), "f.yaml")
		if err != nil || len(v.Rules) != len(test.want) {
			t.Errorf("%s: vocabulary has rules %v, %v, want %d", test.name, v.Rules, err, len(test.want))
		}
	}
	r := config.DefaultRules()[0]
	if !r.Enabled || r.DryRun || r.Owner != "" || r.Guard.Breaker != 2 || !r.Guard.OneAtATime || r.Guard.Cooldown != 30*time.Minute {
		t.Errorf("the rule of the seed is %+v", r)
	}
	// Spelt out in a file with its guard left to the defaults it is the same.
	c := parse(t, monitored+"rules: [{name: "+r.Name+", when: {service: \"Cache Hit Rate\", state: [WARNING]}, diagnose: cache.stale, do: \""+r.Do+"\"}]\n")
	if diff := cmp.Diff(config.DefaultRules(), c.Rules); diff != "" {
		t.Errorf("spelt out (-want +got):\n%s", diff)
	}
}

// TestRuleOfTheContract: the contract's rule is the default rule.
func TestRuleOfTheContract(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/opsbot.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\nrules:")
	rules, _, _ := strings.Cut(rest, "\njobs:")
	c := parse(t, monitored+"rules:"+rules+"\n")
	if diff := cmp.Diff(config.DefaultRules(), c.Rules); diff != "" {
		t.Errorf("rule of the contract (-default +contract):\n%s", diff)
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.Size{"0": 0, "4096": 4096, "1KiB": 1 << 10, " 256KiB ": 256 << 10, "3MiB": 3 << 20, "2GiB": 2 << 30} {
		if got, err := config.ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "KiB", "-1", "1.5KiB", "1kib", "1 KiB", "4294967296KiB", "1KiBKiB"} {
		if got, err := config.ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := config.Size(rapid.Int64Range(0, 1<<30).Draw(t, "size"))
		if got, err := config.ParseSize(s.String()); err != nil || got != s {
			t.Fatalf("ParseSize(%q) = %d, %v, want %d", s, got, err, s)
		}
	})
}

// TestCheckMachineOfAlerts: every secret, the certificate and the calendar are tried.
func TestCheckMachineOfAlerts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := config.Parse([]byte(strings.Replace(full, ", group: opsbot", "", 1)), filepath.Join(dir, "opsbot.yaml"), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	check := func(want ...string) {
		t.Helper()
		got := c.CheckMachine().Error()
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("CheckMachine says\n%s\nwant %s", got, w)
			}
		}
	}
	check("oncall.calendar.file: "+dir+"/oncall.ics: there is no such file", "icinga.password_file: ", "store.export.passphrase_file: ", "icinga.ca_file: read file "+dir+"/icinga-ca.crt: no such file",
		"icinga.notifications[0].hmac[0].secret_file: ", "icinga.notifications[0].hmac[1].secret_env: ", "icinga.notifications[1].bearer_file: ")
	for name, text := range map[string]string{"oncall.ics": "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:zoe\nDTSTART:20260101T000000Z\nDURATION:P1D\nEND:VEVENT\nEND:VCALENDAR\n", "icinga-ca.crt": "none"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check(`oncall.calendar.file: on call: `+dir+`/oncall.ics:2: SUMMARY: there is no person "zoe"`, "icinga.ca_file: read file "+dir+"/icinga-ca.crt: holds no certificate")
}

func TestWhoIsOnCall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "opsbot.yaml")
	ics := "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:anna\r\nDTSTART:20261102T080000\r\nDTEND:20261109T080000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	if err := os.WriteFile(filepath.Join(dir, "oncall.ics"), []byte(ics), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse([]byte(full), file, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.WhoIsOnCall()
	if err != nil {
		t.Fatal(err)
	}
	berlin := c.Location()
	for _, test := range []struct {
		name string
		now  time.Time
		want []string
	}{
		{"before the shift", time.Date(2026, 11, 2, 7, 59, 0, 0, berlin), []string{"bert", "anna"}},
		{"in the shift", time.Date(2026, 11, 2, 8, 0, 0, 0, berlin), []string{"anna", "bert"}},
		{"while bert sleeps", time.Date(2026, 11, 10, 6, 59, 0, 0, berlin), []string{"anna"}},
	} {
		if diff := cmp.Diff(test.want, o.Who(test.now)); diff != "" {
			t.Errorf("%s: Who(%v) (-want +got):\n%s", test.name, test.now, diff)
		}
	}
	if o.EscalateAfter() != 20*time.Minute {
		t.Errorf("EscalateAfter = %v", o.EscalateAfter())
	}
	if o, err := parse(t, base).WhoIsOnCall(); err != nil || o.Who(time.Now()) != nil {
		t.Errorf("without the key: %v, %v, want nobody", o, err)
	}
}

// TestPolicyOfConfig: what the file says reaches the decisions.
func TestPolicyOfConfig(t *testing.T) {
	t.Parallel()
	c := parse(t, full)
	p, err := policy.New(c.Policy())
	if err != nil {
		t.Fatal(err)
	}
	if a := p.Who("rule:flush-on-low-hit-rate"); a.Owner != "anna" {
		t.Errorf("the rule acts for %q, want anna", a.Owner)
	}
	if a := p.Who("job:morning-prime"); a.Owner != "anna" {
		t.Errorf("the job acts for %q, want anna", a.Owner)
	}
}
