package intents_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/intents"
)

// TestSchedules is the table of how times are said and what they become.
func TestSchedules(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []line{
		{"every day at 5:30", "30 5 * * *"},
		{"every day at 5:30pm", "30 17 * * *"},
		{"every day at five", "0 5 * * *"},
		{"every morning at 6", "0 6 * * *"},
		{"every day at 6 and 18", "0 6,18 * * *"},
		{"on the 1st of every month at 6", "0 6 1 * *"},
		{"twice an hour", "@every 30m"},
		{"daily at noon", "0 12 * * *"},
		{"daily at midnight", "0 0 * * *"},
		{"every sunday at 4", "0 4 * * 0"},
		{"every Sunday at 4 pm", "0 16 * * 0"},
		{"every monday and friday at 6pm", "0 18 * * 1,5"},
		{"every mon, wed and fri at 06:05", "5 6 * * 1,3,5"},
		{"mondays at 5", "0 5 * * 1"},
		{"every weekday at 7", "0 7 * * 1-5"},
		{"weekends at 8am", "0 8 * * 0,6"},
		{"5:30 every day", "30 5 * * *"},
		{"4 on sundays", "0 4 * * 0"},
		{"hourly", "0 * * * *"},
		{"@hourly", "0 * * * *"},
		{"@daily", "0 0 * * *"},
		{"@weekly", "0 0 * * 0"},
		{"@monthly", "0 0 1 * *"},
		{"@yearly", "0 0 1 1 *"},
		{"@every 30m", "@every 30m"},
		{"@every 1h30m", "@every 1h30m"},
		{"every 30 minutes", "@every 30m"},
		{"every thirty minutes", "@every 30m"},
		{"every 90s", "@every 1m30s"},
		{"every hour", "@every 1h"},
		{"every 2 days", "@every 48h"},
		{"each minute", "@every 1m"},
		{"30 5 * * *", "30 5 * * *"},
		{"0,30 5 * * 1-5", "0,30 5 * * 1-5"},
		{"*/5 1-4 * jan sun", "*/5 1-4 * jan sun"},
	} {
		for _, form := range []string{`schedule "prime news" WHEN`, `schedule "WHEN" to prime news`, "schedule WHEN: prime news", "schedule prime news WHEN", `schedule.add --schedule "WHEN" --command "prime news"`} {
			text := strings.Replace(form, "WHEN", tt.text, 1)
			out := say(t, p, text)
			if got, want := brief(out), "act schedule.add schedule="+tt.want+" command=prime news"; got != want {
				t.Errorf("Parse(%q) = %s because %s %s, want %s", text, got, out.Because, out.Question, want)
			}
		}
	}
}

// TestTimesThatAreNone are not taken as a schedule, whatever a person may have meant.
func TestTimesThatAreNone(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, when := range []string{
		"every day", "every", "at 5", "tomorrow at 5", "every day at 25", "every day at 5:60", "every day at", "every full moon", "every 0 minutes", "every -5 minutes", "every 10ms", "every 90 days",
		"61 5 * * *", "30 5 * *", "30 5 * * * *", "@every", "@every soon", "@reboot", "monday at 5", "every day at 13pm", "TZ=UTC 5 5 * * *", "5", "every day day at 5", "every other day at 5",
	} {
		for _, form := range []string{`schedule "prime news" WHEN`, `schedule "WHEN" to prime news`, "schedule WHEN: prime news", "WHEN: prime news", `schedule.add --schedule "WHEN" --command "prime news"`} {
			text := strings.Replace(form, "WHEN", when, 1)
			if out := say(t, p, text); out.Decision == intents.Act || out.Decision == intents.Confirm {
				t.Errorf("Parse(%q) = %s, want nothing done", text, brief(out))
			}
		}
	}
}

// TestCommandsOfJobs: the command is stored as canonical text, the job is as grave as it, and nothing that is no exact command gets into one.
func TestCommandsOfJobs(t *testing.T) {
	t.Parallel()
	check(t, []line{
		{`schedule "flush EDGE 1" every day at 5`, `confirm schedule.add schedule=0 5 * * * command=flush edge-1`},
		{`schedule "flush edge-1" every day at 5 --dry-run`, `act schedule.add schedule=0 5 * * * command=flush edge-1 --dry-run`},
		{`schedule every day at 5 as clean-1: empty the cache of edge 2`, `confirm schedule.add schedule=0 5 * * * command=flush edge-2 job=clean-1`},
		{`schedule "prime news then verify news" every day at 5`, `act schedule.add schedule=0 5 * * * command=prime news then verify news`},
		{`schedule "prime news; flush edge-1" every day at 5`, `confirm schedule.add schedule=0 5 * * * command=prime news then flush edge-1`},
		{`schedule "purge news --soft" @every 30m as soft-1`, `act schedule.add schedule=@every 30m command=purge news --soft job=soft-1`},
		{`every day at 5:30: prime news on all edges in lisbon`, `act schedule.add schedule=30 5 * * * command=prime news on edge-7, edge-8`},
		{`schedule prime http://o.example/a.ts every 30 minutes as clips`, `act schedule.add schedule=@every 30m command=prime http://o.example/a.ts job=clips`},
		{`schedule "purge \"http://o.example/a,\"" hourly`, `act schedule.add schedule=0 * * * * command=purge "http://o.example/a,"`},
		{`schedule empty edge-1's cache every day at 5 as x-1`, `confirm schedule.add schedule=0 5 * * * command=flush edge-1 job=x-1`},
		{`add job hourly-look @every 1h: status`, `act schedule.add schedule=@every 1h command=status job=hourly-look`},
		{`schedule "prime news" every day at 5 --missed once --job early`, `act schedule.add schedule=0 5 * * * command=prime news job=early --missed="once"`},
		{`schedule "prime news" every day at 5; flush edge-1`, `confirm schedule.add schedule=0 5 * * * command=prime news ; cache.flush node=edge-1`},
		{"schedule every day at 5: prime news\nstatus", `act schedule.add schedule=0 5 * * * command=prime news ; status.show`},
		// A job makes no job, and says nothing that depends on the hour when it is made.
		{`schedule "schedule \"prime news\" hourly" every day at 5`, `refuse`},
		{`schedule hourly: schedule hourly: prime news`, `refuse`},
		{`schedule "loadtest news until 6pm" every day at 5`, `ask schedule.add schedule=0 5 * * *`},
		// What is refused by itself is refused in a job; what is asked back is asked back.
		{`schedule "don't flush edge-1" every day at 5`, `refuse`},
		{`schedule "flush edge-1?" every day at 5`, `refuse`},
		{`schedule "rm -rf /" every day at 5`, `refuse`},
		{`schedule "flush edge-99" every day at 5`, `ask schedule.add schedule=0 5 * * *`},
		{`schedule "status edg-1" every day at 5`, `ask schedule.add schedule=0 5 * * *`},
		{`schedule every day at 5: flush edge-1?`, `refuse`},
		{`don't schedule "prime news" every day at 5`, `refuse`},
		{`schedule "prime news" every day at 5 if tom agrees`, `refuse`},
		// Nobody but the person knows whether what stands behind "then" is part of the job.
		{`schedule every day at 5: prime news then verify news`, `ask schedule.add schedule=0 5 * * * command=prime news ; cache.verify deployment=news`},
		{`every day at 5: prime news then flush edge-1`, `ask schedule.add schedule=0 5 * * * command=prime news ; cache.flush node=edge-1`},
		{`schedule every day at 5: purge news --soft`, `refuse`},
	})
}

// TestQuestionsAboutJobs: what is missing or wrong is asked, and the next line answers it, also where the answer looks like a command.
func TestQuestionsAboutJobs(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []struct{ asked, question, said, want string }{
		{"schedule prime news", "Which times", "every sunday at 4", "act schedule.add schedule=0 4 * * 0 command=prime news"},
		{"schedule prime news", "Which times", "flush edge-1", ""},
		{`schedule.add --schedule "30 5 * * *"`, "Which command", "prime news", "act schedule.add schedule=30 5 * * * command=prime news"},
		{`schedule.add --schedule "30 5 * * *"`, "Which command", "flush edge-1", "confirm schedule.add schedule=30 5 * * * command=flush edge-1"},
		{`schedule.add --schedule "30 5 * * *"`, "Which command", `"flush edge-1"`, ""},
		{`schedule "prime news" every sunday`, "The time of day is missing", "every sunday at 4", "act schedule.add schedule=0 4 * * 0 command=prime news"},
		{`schedule "prime nwes" every day at 5`, "is no exact command", "prime news", "act schedule.add schedule=0 5 * * * command=prime news"},
		{"unschedule morning-prme", "Did you mean morning-prime?", "yes", "act schedule.remove job=morning-prime"},
		{"ack", "Which node?", "edge-1", "act alert.ack node=edge-1"},
		{"reject 17", "did you mean r-17", "yes", "act run.reject run=r-17"},
		{"approve", "Which run", "r-17", "act run.approve run=r-17"},
		{"enable flush-on-low-hitrate", "Did you mean flush-on-low-hit-rate?", "yes", "act rule.enable rule=flush-on-low-hit-rate"},
		{"disable", "Which rule?", "flush-on-low-hit-rate", "act rule.disable rule=flush-on-low-hit-rate"},
	} {
		pending := say(t, p, tt.asked)
		if pending.Decision != intents.Ask || !strings.Contains(pending.Question, tt.question) {
			t.Errorf("Parse(%q) = %s asks %q, want %q", tt.asked, brief(pending), pending.Question, tt.question)
			continue
		}
		out, ok := answer(t, p, tt.asked, tt.said)
		if got := brief(out); ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("%q answered %q = %s, %v; want %s", tt.asked, tt.said, got, ok, tt.want)
		}
	}
}

// TestServicesAndReasons: a service is known, quoted or announced; a reason is quoted or everything behind "because".
func TestServicesAndReasons(t *testing.T) {
	t.Parallel()
	inv := world()
	inv.Services = []string{"Cache Hit Rate", "Disk", "Disk /var"}
	p := newParser(t, inv)
	for _, tt := range []line{
		{"ack cache hit rate on edge-1", "act alert.ack node=edge-1 service=Cache Hit Rate"},
		{"ack disk /var on edge-1", "act alert.ack node=edge-1 service=Disk /var"},
		{"ack the disk problem on edge-1", "act alert.ack node=edge-1 service=Disk"},
		{"ack disk problem on edge-1 for 2h", "act alert.ack node=edge-1 service=Disk duration=2h0m0s"},
		{`ack "cache hit rate" on edge-1`, "act alert.ack node=edge-1 service=Cache Hit Rate"},
		{`ack "Load 5" on edge-1`, "act alert.ack node=edge-1 service=Load 5"},
		{"ack load on edge-1", "ask alert.ack node=edge-1"},
		{"ack edge-1 service load", "act alert.ack node=edge-1 service=load"},
		{"ack edge-1 service disk for 2h because of the move", "act alert.ack node=edge-1 service=Disk reason=of the move duration=2h0m0s"},
		{"ack edge-1 for 2h because the origin's disk, an old one, is full", "act alert.ack node=edge-1 reason=the origin's disk, an old one, is full duration=2h0m0s"},
		{`ack edge-1 because "don't ask" for 2h`, "act alert.ack node=edge-1 reason=don't ask duration=2h0m0s"},
		{"ack edge-1 because I said so, no, edge-2", "ask"},
		{"ack edge-1 because it is not mine", "refuse"},
		{"ack edge-1 because", "ask alert.ack node=edge-1"},
		{"ack edge-1 until 6pm", "act alert.ack node=edge-1 duration=6h0m0s"},
		{"ack edge-1 --for 2h --reason moving", "act alert.ack node=edge-1 reason=moving duration=2h0m0s"},
		{"alerts for cache hit rate", "act alert.list service=Cache Hit Rate"},
		{"unack all edges in lisbon", "act alert.unack node=edge-7,edge-8"},
		{"reject r-17 because the match is on. ", "act run.reject run=r-17 reason=the match is on"},
		{"pause because of the move", "act automation.pause reason=of the move"},
		{"pause for 8", "ask automation.pause"},
		{"stop everything until 6pm", "act automation.pause duration=6h0m0s"},
		{"STOP EVERYTHING!", "act automation.pause"},
		{"don't stop everything", "refuse"},
		{"audit of anna on edge-1 over the last 24h", "act audit.show person=anna node=edge-1 period=24h0m0s"},
		{"what did tom do last hour?", "act audit.show person=tom period=1h0m0s"},
		{"unschedule nightly-7", "act schedule.remove job=nightly-7"},
		{"unschedule MORNING PRIME", "act schedule.remove job=morning-prime"},
		{`flush edge-1 --break-glass --reason "fire"`, `confirm cache.flush node=edge-1 --break-glass --reason="fire"`},
		{`approve run 17 --break-glass --reason "fire"`, `act run.approve run=r-17 --break-glass --reason="fire"`},
	} {
		now, zone := clock(t)
		out := p.Parse(intents.Utterance{Text: tt.text, Now: now, Zone: zone})
		if got := brief(out); got != tt.want {
			t.Errorf("Parse(%q) = %s because %s %s, want %s", tt.text, got, out.Because, out.Question, tt.want)
		}
	}
}

// TestCanonicalOfJobs is what is stored and shown.
func TestCanonicalOfJobs(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []line{
		{"every day at 5:30: prime news", `schedule "prime news" "30 5 * * *"`},
		{`schedule every 30 minutes as early to purge "http://o.example/a,"`, `schedule "purge \"http://o.example/a,\"" "@every 30m" as early`},
		{"ack edge-1 for 2h service disk because of the move", `ack edge-1 service disk for 2h0m0s because "of the move"`},
		{"remove job morning-prime", "unschedule morning-prime"},
		{"stop everything for an hour", "pause automation for 1h0m0s"},
		{"deny run 17 because no", ""},
		{"veto run 17 because \"no\"", `reject r-17 because "no"`},
		{"who did what on edge-1 last 24h", "audit of node edge-1 over the last 24h0m0s"},
	} {
		out := say(t, p, tt.text)
		got := ""
		if len(out.Commands) == 1 {
			got = out.Commands[0].Canonical()
		}
		if got != tt.want {
			t.Errorf("canonical text of %q = %q (%s), want %q", tt.text, got, out.Because, tt.want)
		}
	}
}

// TestJobsWithinJobsAreReadQuickly: no line makes the parser read itself again and again.
func TestJobsWithinJobsAreReadQuickly(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, text := range []string{
		strings.Repeat("schedule every day at 5: ", 75), strings.Repeat("schedule status hourly as ", 75), "schedule " + strings.Repeat("every day at 5 ", 120),
		"schedule status " + strings.Repeat("every 5 minutes ", 110), strings.Repeat("schedule hourly: status then ", 19) + "status",
	} {
		start := time.Now()
		out := say(t, p, text)
		if took := time.Since(start); took > time.Second {
			t.Errorf("Parse(%.40q...) took %v", text, took)
		}
		if changes(t, out) {
			t.Errorf("Parse(%.40q...) = %s", text, brief(out))
		}
	}
}

// TestARiskOfAJobIsThatOfItsCommand looks at the class that policy is told.
func TestARiskOfAJobIsThatOfItsCommand(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	got := map[string]intents.Risk{}
	for _, command := range []string{"status", "prime news", "purge news", "flush edge-1", "prime news then flush edge-1"} {
		got[command] = say(t, p, `schedule "`+command+`" hourly`).Risk
	}
	want := map[string]intents.Risk{
		"status": intents.Reversible, "prime news": intents.Reversible, "purge news": intents.Disruptive, "flush edge-1": intents.Destructive,
		"prime news then flush edge-1": intents.Destructive,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("risk by command (-want +got):\n%s", diff)
	}
}
