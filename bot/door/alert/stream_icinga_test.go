package alert_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	stored "github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/lab"
	"github.com/shitops/opsbot/internal/secret"
)

const oneHost = `
object Host "edge-1" { check_command = "passive"; enable_active_checks = false; max_check_attempts = 1 }
object Host "opsbot" { check_command = "passive"; enable_active_checks = false }
apply Service "Cache Hit Rate" { check_command = "passive"; enable_active_checks = false; max_check_attempts = 1; assign where host.name == "edge-1" }
apply Service "slow" { check_command = "passive"; enable_active_checks = false; max_check_attempts = 3; assign where host.name == "edge-1" }
apply Service "Canary" { check_command = "passive"; enable_active_checks = false; assign where host.name == "opsbot" }
`

// station is a real Icinga2, a door with a store, and a stream between them.
type station struct {
	*lab.Icinga
	client *icinga.Client
	disk   *fake.Disk
	door   *alert.Door
	stream *alert.Stream
	rules  *rules
	cards  <-chan reply.Card
	last   map[string]reply.Card
	stop   func()
}

func newClient(t testing.TB, i *lab.Icinga) *icinga.Client {
	t.Helper()
	ca, err := os.ReadFile(i.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := icinga.New(icinga.Options{
		URL: i.URL, User: i.User, CA: ca, ServerName: i.ServerName,
		Password: func() (secret.Secret, error) { return secret.New([]byte(i.Password)), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func newStation(t *testing.T, config string) *station {
	t.Helper()
	i := lab.NewIcinga(t, lab.IcingaOptions{Config: config})
	s := &station{Icinga: i, client: newClient(t, i), disk: fake.New()}
	s.begin(t)
	t.Cleanup(func() { s.stop() })
	return s
}

// begin starts a process on the station's store.
func (s *station) begin(t *testing.T) {
	t.Helper()
	h := s.disk.Open(fake.Options{})
	s.rules, s.last = &rules{}, map[string]reply.Card{}
	s.door = open(t, h, s.rules)
	var err error
	s.stream, err = alert.NewStream(alert.StreamOptions{
		Source: alert.FromClient(s.client), Door: s.door, Leader: h.Leader(), Owner: "test", Canary: alert.Canary{Host: "opsbot", Service: "Canary"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.cards = s.door.Hub().Subscribe(ctx)
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{s.door.Run, s.stream.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				t.Errorf("Run() = %v", err)
			}
		})
	}
	s.stop = sync.OnceFunc(func() {
		cancel()
		for range s.cards { // until it is closed
		}
		wg.Wait()
	})
}

// await waits until the card of an object is as it is asked for.
func (s *station) await(t *testing.T, what string, fits func(c reply.Card) bool) reply.Card {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		for _, c := range s.last {
			if fits(c) {
				return c
			}
		}
		select {
		case c := <-s.cards:
			s.last[c.ID] = c
		case <-deadline.C:
			live, err := s.stream.Live()
			t.Fatalf("no card that is %s; the newest are %+v; the stream is live: %v, %v", what, s.last, live, err)
		}
	}
}

func titled(words ...string) func(c reply.Card) bool {
	return func(c reply.Card) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(c.Title, w) })
	}
}

func (s *station) report(t *testing.T, host, service string, exit int) {
	t.Helper()
	if err := s.client.ProcessCheckResult(t.Context(), host, service, icinga.CheckResult{Exit: exit, Output: fmt.Sprintf("exit %d", exit)}); err != nil {
		t.Fatal(err)
	}
}

// streaming waits until the stream is open.
func (s *station) streaming(t *testing.T) {
	t.Helper()
	poll(t, "the stream is open", func() bool { live, _ := s.stream.Live(); return live })
}

func poll(t *testing.T, what string, is func() bool) {
	t.Helper()
	pollSaying(t, is, func() string { return what })
}

// pollSaying is poll for what is better told after it has failed.
func pollSaying(t *testing.T, is func() bool, what func() string) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within 30 s: %s", what())
		}
	}
}

// kept is what lies in the log of alerts.
func (s *station) kept(t *testing.T) []stored.Stored { return logged(t, s.disk.Open(fake.Options{})) }

// TestLifeOfAProblem: a problem, its acknowledgement in Icinga2, a downtime, its getting worse and its end, by the stream alone.
func TestLifeOfAProblem(t *testing.T) {
	t.Parallel()
	s := newStation(t, oneHost)
	ctx := t.Context()
	s.streaming(t)
	s.report(t, "edge-1", "slow", 1) // soft: nobody hears of it
	s.report(t, "edge-1", "Cache Hit Rate", 1)
	c := s.await(t, "WARNING", titled("edge-1!Cache Hit Rate is WARNING since"))
	if len(c.Buttons) != 3 || c.Buttons[0].Say != `ack edge-1 service "Cache Hit Rate"` || c.Buttons[1].Say != `downtime edge-1 service "Cache Hit Rate" for 2h` || c.Buttons[2].Say != `recheck edge-1 service "Cache Hit Rate"` {
		t.Errorf("buttons %+v", c.Buttons)
	}
	if err := s.client.Acknowledge(ctx, "edge-1", "Cache Hit Rate", icinga.Ack{Author: "anna", Comment: "on it", Sticky: true}); err != nil {
		t.Fatal(err)
	}
	c = s.await(t, "acknowledged", titled("WARNING", "acknowledged by anna"))
	if c.Buttons[0].Label == "Acknowledge" || c.Hint != "" {
		t.Errorf("after an acknowledgement it still asks for one: %+v", c)
	}
	if err := s.client.RemoveAcknowledgement(ctx, "edge-1", "Cache Hit Rate", "anna"); err != nil {
		t.Fatal(err)
	}
	s.await(t, "no longer acknowledged", func(c reply.Card) bool {
		return !strings.Contains(c.Title, "acknowledged") && strings.Contains(strings.Join(c.Lines, "\n"), "the acknowledgement has ended")
	})
	d := icinga.Downtime{Author: "bert via opsbot", Comment: "moving", Marker: "m", From: time.Now().Add(-time.Second), Until: time.Now().Add(time.Hour)}
	if err := s.client.ScheduleDowntime(ctx, "edge-1", "Cache Hit Rate", d); err != nil {
		t.Fatal(err)
	}
	s.await(t, "in downtime", titled("in downtime by bert until"))
	s.report(t, "edge-1", "Cache Hit Rate", 2)
	worse := s.await(t, "CRITICAL", titled("CRITICAL", "in downtime"))
	if worse.ID != c.ID {
		t.Errorf("WARNING is %s and CRITICAL %s, want one incident", c.ID, worse.ID)
	}
	if err := s.client.RemoveDowntime(ctx, "edge-1", "Cache Hit Rate", "bert via opsbot", "m"); err != nil {
		t.Fatal(err)
	}
	s.await(t, "out of the downtime", func(c reply.Card) bool {
		return strings.Contains(c.Title, "CRITICAL") && !strings.Contains(c.Title, "downtime")
	})
	s.report(t, "edge-1", "Cache Hit Rate", 0)
	s.await(t, "over", titled("is OK again"))
	s.stop()
	for _, a := range s.kept(t) {
		if a.Service == "slow" || a.Sender != "stream" && a.Kind != "DOWNTIMEEND" {
			t.Errorf("stored: %s %s %s by %s", a.Object(), a.Kind, a.State, a.Sender)
		}
	}
	if got := s.rules.ids(); len(got) < 3 {
		t.Errorf("handed to rules: %v", got)
	}
}

// TestBothWaysAreOne: what a notification has told is not told again by the stream, and the other way round.
func TestBothWaysAreOne(t *testing.T) {
	t.Parallel()
	s := newStation(t, oneHost)
	s.streaming(t)
	for n, service := range []string{"Cache Hit Rate", ""} {
		s.report(t, "edge-1", service, 1-n+n) // WARNING, DOWN
		o, err := s.client.Object(t.Context(), "edge-1", service)
		if err != nil {
			t.Fatal(err)
		}
		for number := 1; number <= 2; number++ { // two users, then a reminder
			for _, user := range []string{"anna", "bert"} {
				report(t, s.door, icinga.Notification{
					Type: icinga.TypeProblem, Host: "edge-1", Service: service, State: o.State, StateType: icinga.Hard, Number: number, User: user, Output: o.Output,
					ExecutionEnd: o.LastCheck.Truncate(time.Second), LastHardStateChange: o.LastHardStateChange.Truncate(time.Second), LastGood: o.LastGood, At: o.LastCheck.Truncate(time.Second),
				})
			}
		}
	}
	poll(t, "both were told by both", func() bool {
		n := 0
		for _, a := range s.kept(t) {
			if a.Sender == "stream" && a.Kind == "PROBLEM" {
				n++
			}
		}
		ids := s.rules.ids()
		slices.Sort(ids)
		return n == 2 && len(ids) >= 8 && len(slices.Compact(ids)) >= 4
	})
	s.stop()
	seen := map[string]bool{}
	for _, id := range s.rules.ids() {
		seen[id] = true
	}
	if len(seen) != 4 { // each problem, and one reminder of each
		t.Errorf("%d triggers of 2 problems with a reminder each: %v", len(seen), s.rules.ids())
	}
	open, err := s.door.Incidents().Open(t.Context())
	if err != nil || len(open) != 2 {
		t.Errorf("%d incidents, %v; want 2", len(open), err)
	}
}

// TestAbsence: what happened while the bot was away is found when it is back, once, and what was over by then is not told.
func TestAbsence(t *testing.T) {
	t.Parallel()
	s := newStation(t, oneHost+`
for (i in range(20)) { object Host "h-" + i { check_command = "passive"; enable_active_checks = false; max_check_attempts = 1 } }
`)
	s.streaming(t)
	s.report(t, "edge-1", "Cache Hit Rate", 2)
	s.report(t, "h-1", "", 1)
	s.await(t, "CRITICAL", titled("Cache Hit Rate is CRITICAL"))
	s.await(t, "DOWN", titled("h-1 is DOWN"))
	s.stop()
	before := len(s.kept(t))
	s.report(t, "h-1", "", 0)
	s.report(t, "h-2", "", 1)
	s.report(t, "h-3", "", 1)
	s.report(t, "h-3", "", 0)
	if err := s.client.Acknowledge(t.Context(), "edge-1", "Cache Hit Rate", icinga.Ack{Author: "anna", Comment: "on it"}); err != nil {
		t.Fatal(err)
	}
	s.begin(t)
	s.await(t, "the new one", titled("h-2 is DOWN"))
	s.await(t, "acknowledged", titled("acknowledged by anna"))
	poll(t, "what was over is closed", func() bool {
		ended, err := s.door.Incidents().Ended(t.Context(), time.Time{})
		return err == nil && len(ended) == 1
	})
	s.streaming(t)
	s.stop()
	var got []string
	for _, a := range s.kept(t)[before:] {
		got = append(got, a.Sender+" "+a.Object()+" "+a.Kind+" "+a.State+" "+a.Author)
	}
	slices.Sort(got)
	want := []string{"catch-up edge-1!Cache Hit Rate ACKNOWLEDGEMENT CRITICAL anna", "catch-up h-1 RECOVERY UP ", "catch-up h-2 PROBLEM DOWN "}
	if !slices.Equal(got, want) {
		t.Errorf("after an absence stored %q, want %q", got, want)
	}
	s.begin(t)
	s.streaming(t)
	s.stop()
	if more := s.kept(t)[before+3:]; len(more) > 0 {
		t.Errorf("a look at what has not changed stored %+v", more)
	}
}

// TestReloadAndKill: changes of state while the daemon reloads, and while it is killed and comes back, are all known in the end.
func TestReloadAndKill(t *testing.T) {
	t.Parallel()
	config := oneHost + `
for (i in range(50)) { object Host "h-" + i { check_command = "passive"; enable_active_checks = false; max_check_attempts = 1 } }
`
	s := newStation(t, config)
	s.streaming(t)
	reload := make(chan error, 1)
	go func() { reload <- s.Reload(t.Context(), config) }()
	down := map[string]bool{}
	for i := range 50 {
		host := fmt.Sprintf("h-%d", i)
		poll(t, host+" is reported", func() bool {
			err := s.client.ProcessCheckResult(t.Context(), host, "", icinga.CheckResult{Exit: 1, Output: "away"})
			if err != nil && !icinga.Temporary(err) {
				t.Fatal(err)
			}
			return err == nil
		})
		down[host] = true
	}
	if err := <-reload; err != nil {
		t.Fatal(err)
	}
	s.agree(t)
	s.Kill()
	poll(t, "it is noticed", func() bool { live, _ := s.stream.Live(); return !live })
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for host := range down {
		if err := s.client.ProcessCheckResult(t.Context(), host, "", icinga.CheckResult{Exit: 0, Output: "here"}); err != nil {
			t.Fatal(err)
		}
		break
	}
	s.agree(t)
	s.stop()
}

// TestChaosWithDaemon: at random, with a fixed seed, states change, the daemon reloads and is killed, and the bot is killed. In the end all agree.
func TestChaosWithDaemon(t *testing.T) {
	t.Parallel()
	rounds := 2
	if os.Getenv("OPSBOT_SOAK") == "1" {
		rounds = 20
	}
	config := `
object Host "opsbot" { check_command = "passive"; enable_active_checks = false }
apply Service "Canary" { check_command = "passive"; enable_active_checks = false; assign where host.name == "opsbot" }
for (i in range(30)) { object Host "h-" + i { check_command = "passive"; enable_active_checks = false; max_check_attempts = 1 } }
for (n in range(3)) { apply Service "s-" + n use (n) { check_command = "passive"; enable_active_checks = false; max_check_attempts = n + 1; assign where host.name != "opsbot" } }
`
	s := newStation(t, config)
	dice := rand.New(rand.NewPCG(7, 11))
	change := func(n int) {
		for range n {
			host, service := fmt.Sprintf("h-%d", dice.IntN(30)), ""
			exit := dice.IntN(2)
			if n := dice.IntN(4); n < 3 {
				service, exit = fmt.Sprintf("s-%d", n), dice.IntN(4)
			}
			// What is refused while the daemon is away has not happened.
			_ = s.client.ProcessCheckResult(t.Context(), host, service, icinga.CheckResult{Exit: exit, Output: fmt.Sprintf("exit %d", exit)})
		}
	}
	for round := range rounds {
		s.streaming(t)
		change(100)
		done := make(chan error, 1)
		switch round % 3 {
		case 0:
			go func() { done <- s.Reload(t.Context(), config) }()
		case 1:
			s.Kill()
			go func() { done <- s.Start(t.Context()) }()
		case 2:
			done <- nil
		}
		if round%2 == 1 {
			s.stop()
		}
		change(40)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		change(40)
		if round%2 == 1 {
			s.begin(t)
		}
		s.streaming(t)
		for i := range 30 { // what a killed daemon has forgotten is found by the next checks
			for _, service := range []string{"", "s-0", "s-1", "s-2"} {
				s.report(t, fmt.Sprintf("h-%d", i), service, dice.IntN(2))
			}
		}
		if err := s.stream.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.agree(t)
	}
	s.stop()
}

// TestTwoBots: two bots on one Icinga2, each with a store of its own, know the same, and what one of them does the other one hears.
func TestTwoBots(t *testing.T) {
	t.Parallel()
	one := newStation(t, oneHost)
	two := &station{Icinga: one.Icinga, client: newClient(t, one.Icinga), disk: fake.New()}
	two.begin(t)
	t.Cleanup(func() { two.stop() })
	one.streaming(t)
	two.streaming(t)
	one.report(t, "edge-1", "Cache Hit Rate", 2)
	for _, s := range []*station{one, two} {
		s.await(t, "CRITICAL", titled("edge-1!Cache Hit Rate is CRITICAL"))
	}
	if err := one.client.Acknowledge(t.Context(), "edge-1", "Cache Hit Rate", icinga.Ack{Author: "anna via opsbot", Comment: "on it"}); err != nil {
		t.Fatal(err)
	}
	two.await(t, "acknowledged", titled("acknowledged by anna"))
	one.report(t, "edge-1", "Cache Hit Rate", 0)
	for _, s := range []*station{one, two} {
		s.await(t, "over", titled("is OK again"))
		s.stop()
		if n := len(s.kept(t)); n < 3 || n > 4 { // a look may have found what the stream told as well
			t.Errorf("%d alerts are stored, want a problem, an acknowledgement, its end and a recovery: %+v", n, s.kept(t))
		}
	}
}

// TestLoudCheck: a check that says 300 kB of control characters and markup is stored within bounds, and its first line is shown.
func TestLoudCheck(t *testing.T) {
	t.Parallel()
	s := newStation(t, oneHost)
	s.streaming(t)
	output := "<@everyone> *loud* \x1b[31mred\n" + strings.Repeat("\x01<b>&amp;\u202e", 30_000)
	if err := s.client.ProcessCheckResult(t.Context(), "edge-1", "Cache Hit Rate", icinga.CheckResult{Exit: 2, Output: output}); err != nil {
		t.Fatal(err)
	}
	c := s.await(t, "CRITICAL", titled("CRITICAL"))
	if lines := strings.Join(c.Lines, "\n"); len(lines) > 1000 || !strings.Contains(lines, "*loud*") {
		t.Errorf("the card has %d bytes: %.200q", len(lines), lines)
	}
	s.stop()
	for _, a := range s.kept(t) {
		if len(a.Output) > 9000 {
			t.Errorf("stored %d bytes of output", len(a.Output))
		}
	}
}

// agree waits until the incidents are those that Icinga2 has.
func (s *station) agree(t *testing.T) {
	t.Helper()
	var want, got []string
	pollSaying(t, func() bool {
		problems, err := s.client.Problems(t.Context(), "")
		if err != nil {
			return false
		}
		open, err := s.door.Incidents().Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want, got = nil, nil
		for _, o := range problems {
			if o.Hard() {
				want = append(want, o.Name()+" "+string(o.State))
			}
		}
		for _, in := range open {
			if in.Flapping == nil || !icinga.State(in.State).Good() { // one that flaps ends when it flaps no more
				got = append(got, in.Object()+" "+in.State)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		return slices.Equal(want, got)
	}, func() string {
		return "Icinga2 and the incidents agree (-want +got):\n" + cmp.Diff(want, got)
	})
}
