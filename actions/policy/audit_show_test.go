package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// diary is an audit of n decisions, one a minute, of four actors on two nodes in turn.
func diary(t testing.TB, n int) (store.Log, *policy.Audit) {
	t.Helper()
	log := fake.New().Open(fake.Options{}).Log(store.Audit)
	a := policy.NewAudit(log)
	actors := []actions.Actor{
		{Kind: actions.Person, Name: "anna", As: "unix:anna"}, {Kind: actions.Job, Name: "prime", As: "job:prime", Owner: "anna"},
		{Kind: actions.Rule, Name: "anna", As: "rule:anna"}, {Kind: actions.Person, Name: "bert", As: "unix:bert"},
	}
	for i := range n {
		e := entry(i + 1)
		e.At, e.Actor, e.Slots = at.Add(time.Duration(i)*time.Minute), actors[i%4], map[string][]string{"node": {fmt.Sprintf("edge-%d", i%2+1)}}
		if err := a.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	return log, a
}

func show(t *testing.T, a *policy.Audit, r actions.Request) (actions.Answer, policy.Shown) {
	t.Helper()
	verbs := policy.AuditVerbs(a)
	if len(verbs) != 1 || verbs[0].Intent != "audit.show" || verbs[0].Risk != actions.Read {
		t.Fatalf("verbs %+v", verbs)
	}
	answer, err := verbs[0].Answer(t.Context(), r, world{})
	if err != nil {
		t.Fatal(err)
	}
	return answer, answer.Data.(policy.Shown)
}

func TestAuditShow(t *testing.T) {
	t.Parallel()
	_, a := diary(t, 250)
	end := at.Add(250 * time.Minute)
	for _, test := range []struct {
		name        string
		slots       map[string][]string
		options     map[string]string
		title       string
		n           int
		first, last string
	}{
		{"the newest", nil, nil, "20 decisions", 20, "flush edge-231", "flush edge-250"},
		{"so many", nil, map[string]string{"count": "3"}, "3 decisions", 3, "flush edge-248", "flush edge-250"},
		{"of a person and of what acts for her, not of the rule of her name", map[string][]string{"person": {"anna"}}, nil, "20 decisions about what anna asked for", 20, "flush edge-213", "flush edge-250"},
		{"on a node", map[string][]string{"node": {"edge-1"}, "count": {"1"}}, nil, "1 decision on edge-1", 1, "flush edge-249", "flush edge-249"},
		{"on a node that is gone", map[string][]string{"node": {"edge-99"}}, nil, "no decisions on edge-99", 0, "", ""},
		{"of an hour", map[string][]string{"period": {"1h0m0s"}}, nil, "60 decisions since 2026-11-03 23:25:00", 60, "flush edge-191", "flush edge-250"},
		{"all that was put in", map[string][]string{"period": {"24h0m0s"}, "person": {"bert"}}, nil, "62 decisions about what bert asked for since 2026-11-03 00:25:00", 62, "flush edge-4", "flush edge-248"},
	} {
		answer, shown := show(t, a, actions.Request{Intent: "audit.show", Slots: test.slots, Options: test.options, At: end})
		if answer.Title != test.title || len(shown.Records) != test.n || answer.Bad || !strings.Contains(strings.Join(answer.Lines, "\n"), "verified, head ") {
			t.Errorf("%s: %q, %d records, %q, want %q, %d", test.name, answer.Title, len(shown.Records), answer.Lines, test.title, test.n)
			continue
		}
		if test.n > 0 && (shown.Records[0].Text != test.first || shown.Records[test.n-1].Text != test.last || len(answer.Table.Rows) != test.n) {
			t.Errorf("%s: from %q to %q, want %q to %q", test.name, shown.Records[0].Text, shown.Records[test.n-1].Text, test.first, test.last)
		}
	}
	answer, _ := show(t, a, actions.Request{Slots: map[string][]string{"count": {"2"}}, At: end.In(zone(t, "Europe/Berlin"))})
	want := [][]string{
		{"249", "2026-11-04 01:23:00", "anna", "flush edge-249", "accepted", "r-17", "role operator may cache.flush"},
		{"250", "2026-11-04 01:24:00", "job prime for anna", "flush edge-250", "accepted", "r-17", "role operator may cache.flush"},
	}
	if diff := cmp.Diff(want, answer.Table.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	_, empty := diary(t, 0)
	if answer, _ := show(t, empty, actions.Request{At: end}); answer.Title != "no decisions" || answer.Table != nil || answer.Lines != nil {
		t.Errorf("of nothing: %+v", answer)
	}
	for _, slots := range []map[string][]string{{"period": {"soon"}}, {"period": {"-1h"}}, {"count": {"0"}}, {"count": {"many"}}} {
		if _, err := policy.AuditVerbs(a)[0].Answer(t.Context(), actions.Request{Slots: slots}, world{}); err == nil {
			t.Errorf("%v is taken", slots)
		}
	}
}

// TestAuditShowBroken: a record that was put in, changed or does not follow is named, and nothing behind it is shown.
func TestAuditShowBroken(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, from, to string
		want           string
	}{
		{"changed", `"text":"flush edge-9"`, `"text":"flush edge-8"`, "audit record 10 was changed after it was written"},
		{"put in", ``, ``, "audit record 10 does not follow the one before it"},
		{"no record", `{"prev"`, `["prev"`, "audit record 10: the chain is broken"},
	} {
		log, a := diary(t, 9)
		records, err := log.Read(t.Context(), 9, 1)
		if err != nil {
			t.Fatal(err)
		}
		forged := strings.Replace(string(records[0].Data), test.from, test.to, 1)
		if _, err := log.Append(t.Context(), "forged", []byte(forged), store.AnySequence); err != nil {
			t.Fatal(err)
		}
		answer, shown := show(t, a, actions.Request{At: at})
		if !answer.Bad || !strings.HasPrefix(shown.Broken, test.want) || shown.Checked != 9 || len(shown.Records) != 9 || answer.Hint == "" {
			t.Errorf("%s: %+v, want %s and the nine before it", test.name, answer, test.want)
		}
	}
}
