package intents_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/intents"
)

// line is one utterance and what it must be understood as, in the form of brief.
type line struct{ text, want string }

// check parses every line in the world of the tests.
func check(t *testing.T, lines []line) {
	t.Helper()
	p := worldParser(t)
	for _, l := range lines {
		if got := brief(say(t, p, l.text)); got != l.want {
			t.Errorf("Parse(%q)\n  = %s\nwant %s", l.text, got, l.want)
		}
	}
}

func TestEachIntentAndItsForms(t *testing.T) {
	t.Parallel()
	check(t, []line{
		{"help", "act help"},
		{"help flush", "act help topic=flush"},
		{"help cache.flush", "act help topic=cache.flush"},
		{"help on cache flush", "act help topic=cache.flush"},
		{"help caches", "act help topic=cache"},
		{"what can you do?", "act help"},
		{"whoami", "act whoami"},
		{"who am I?", "act whoami"},
		{"status", "act status.show"},
		{"show status", "act status.show"},
		{"status edge-1", "act status.show node=edge-1"},
		{"show me the status of news on edge-1", "act status.show node=edge-1 deployment=news"},
		{"how is edge-1?", "act status.show node=edge-1"},
		{"nodes", "act node.list"},
		{"edges in berlin", "act node.list site=berlin"},
		{"list all mac nodes in hamburg", "act node.list site=hamburg platform=darwin"},
		{"show berlin nodes", "act node.list site=berlin"},
		{"nodes on linux", "act node.list platform=linux"},
		{"nodes in porto", "act node.list site=porto"},
		{"node edge-1", "act node.show node=edge-1"},
		{"show edge-1", "act node.show node=edge-1"},
		{"describe the node edge 1", "act node.show node=edge-1"},
		{"stats", "act cache.stats"},
		{"hit rate of edge-1", "act cache.stats node=edge-1"},
		{"show me the hit ratio of news on edge-1 over the last 2 hours", "act cache.stats node=edge-1 deployment=news period=2h0m0s"},
		{"stats last hour", "act cache.stats period=1h0m0s"},
		{"purge news", "act cache.purge deployment=news"},
		{"purge the channel news on edge-1 and edge-2", "act cache.purge deployment=news node=edge-1,edge-2"},
		{"purge http://o.example/a.ts", "act cache.purge url=http://o.example/a.ts"},
		{"purge http://o.example/a.ts, http://o.example/b.ts on edge-1", "act cache.purge url=http://o.example/a.ts,http://o.example/b.ts node=edge-1"},
		{"purge tag ch-news", "act cache.purge tag=ch-news"},
		{"purge prefix /news/ in berlin", "act cache.purge prefix=/news/ node=edge-1,edge-2,edge-3,mac-2"},
		{"purge prefix http://o.example/news/", "act cache.purge prefix=http://o.example/news/"},
		{"soft purge news", "act cache.purge deployment=news --soft"},
		{"purge news --soft", "act cache.purge deployment=news --soft"},
		{"flush edge-1", "confirm cache.flush node=edge-1"},
		{"flush the cache on edge-1", "confirm cache.flush node=edge-1"},
		{"empty edge-1's cache", "confirm cache.flush node=edge-1"},
		{"clear all caches in berlin", "confirm cache.flush node=edge-1,edge-2,edge-3,mac-2"},
		{"prime news", "act cache.prime deployment=news"},
		{"prime news on edge-1", "act cache.prime deployment=news node=edge-1"},
		{"prime edge-1 with news", "act cache.prime deployment=news node=edge-1"},
		{"warm up sport 2 on edge two", "act cache.prime deployment=sport-2 node=edge-2"},
		{"prime http://o.example/m.m3u8 on edge-1", "act cache.prime url=http://o.example/m.m3u8 node=edge-1"},
		{"verify news on edge-1", "act cache.verify deployment=news node=edge-1"},
		{"check news", "act cache.verify deployment=news"},
		{"loadtest news", "act cache.loadtest deployment=news"},
		{"load test news on edge-1 for 2m at 100/s", "act cache.loadtest deployment=news node=edge-1 duration=2m0s rate=100"},
		{"loadtest news at 50 requests per second for 90 seconds in berlin", "act cache.loadtest deployment=news node=edge-1,edge-2,edge-3,mac-2 duration=1m30s rate=50"},
		{"runs", "act run.list"},
		{"failed runs", "act run.list state=failed"},
		{"list all running runs", "act run.list state=running"},
		{"what failed?", "act run.list state=failed"},
		{"run.list --state canceled", "act run.list state=cancelled"},
		{"show run 17", "act run.show run=r-17"},
		{"show r-17", "act run.show run=r-17"},
		{"r-17", "act run.show run=r-17"},
		{"R17", "act run.show run=r-17"},
		{"follow run 17", "act run.show run=r-17 --follow"},
		{"show run seventeen", "act run.show run=r-17"},
		{"cancel run 17", "act run.cancel run=r-17"},
		{"stop r-17", "act run.cancel run=r-17"},
		{"retry r-17", "act run.retry run=r-17"},
		{"undo run 17", "act run.undo run=r-17"},
		{"roll back r-17", "act run.undo run=r-17"},
		{"resume automation", "act automation.resume"},
		{"resume", "act automation.resume"},
	})
}

func TestDottedForm(t *testing.T) {
	t.Parallel()
	check(t, []line{
		{"cache.flush edge-1", "confirm cache.flush node=edge-1"},
		{"CACHE.FLUSH edge-1", "confirm cache.flush node=edge-1"},
		{"cache flush edge-1", "confirm cache.flush node=edge-1"},
		{"cache.flush --node edge-1 --node edge-2", "confirm cache.flush node=edge-1,edge-2"},
		{"cache.flush --node edge-1,edge-2", "confirm cache.flush node=edge-1,edge-2"},
		{"cache.flush --node all", "ask cache.flush"},
		{`cache.flush --node "all edges in berlin"`, "confirm cache.flush node=edge-1,edge-2,edge-3,mac-2"},
		{"cache.purge news edge-1", "act cache.purge deployment=news node=edge-1"},
		{"cache.purge --deployment news", "act cache.purge deployment=news"},
		{"cache.purge tag ch-news on edge-1", "act cache.purge tag=ch-news node=edge-1"},
		{"cache.prime news on edge-1", "act cache.prime deployment=news node=edge-1"},
		{"cache.stats", "act cache.stats"},
		{"cache.loadtest news edge-1 --for 2h --rate 20", "act cache.loadtest deployment=news node=edge-1 duration=2h0m0s rate=20"},
		{"run.show r-17", "act run.show run=r-17"},
		{"run.list failed", "act run.list state=failed"},
		{"node.list berlin linux", "act node.list site=berlin platform=linux"},
		{"node.show edge-1", "act node.show node=edge-1"},
		{"automation.resume", "act automation.resume"},
		{"whoami", "act whoami"},
	})
}

func TestWhatIsIgnored(t *testing.T) {
	t.Parallel()
	const flush = "confirm cache.flush node=edge-2"
	check(t, []line{
		{"  flush   edge-2  ", flush},
		{"Flush edge-2.", flush},
		{"FLUSH EDGE-2!", flush},
		{"please flush edge-2", flush},
		{"please, flush edge-2", flush},
		{"flush edge-2 please", flush},
		{"flush edge-2, please!", flush},
		{"<@U0123> flush edge-2", flush},
		{"<@U0123>: flush edge-2", flush},
		{"<@!80351110224678912> flush edge-2", flush},
		{"@opsbot flush edge-2", flush},
		{"opsbot: flush edge-2", flush},
		{"/opsbot flush edge-2", flush},
		{"/ops cache.flush edge-2", flush},
		{":fire: flush edge-2 :pray:", flush},
		{"🔥 flush edge-2 🙏", flush},
		{"⚠\ufe0f flush edge-2", flush},
		{"`flush edge-2`", flush},
		{"<@U0123> `flush edge-2`", flush},
		{"flush `edge-2`", flush},
		{"flush \"edge-2\"", flush},
		{"“flush” edge\u20112", flush},
		{"flush edge\u20132", flush},
		{"flush\u00a0edge-2", flush},
		{"flush ed\u200bge-2", flush},
		{"ｆｌｕｓｈ ｅｄｇｅ－２", flush},
		{"flush\tedge-2\r\n", flush},
		{"flush edge-2;", flush},
		{"flush edge-2 \u2014dry-run", "act cache.flush node=edge-2 --dry-run"},
	})
}

func TestLinksOfChat(t *testing.T) {
	t.Parallel()
	check(t, []line{
		{"purge <http://o.example/a.ts|o.example/a.ts>", "act cache.purge url=http://o.example/a.ts"},
		{"purge <http://evil.example/a.ts|http://good.example/a.ts>", "act cache.purge url=http://evil.example/a.ts"},
		{"purge <http://o.example/a.ts>", "act cache.purge url=http://o.example/a.ts"},
		{"purge <http://o.example/a?x=1&amp;y=2|the playlist>", "act cache.purge url=http://o.example/a?x=1&y=2"},
		{"purge http://o.example/a.ts.", "act cache.purge url=http://o.example/a.ts"},
		{`purge "http://o.example/a.ts?"`, "act cache.purge url=http://o.example/a.ts?"},
		{"purge HTTPS://o.example/A.ts", "act cache.purge url=HTTPS://o.example/A.ts"},
		{"purge http://o.example/ﬁlm.ts", "act cache.purge url=http://o.example/ﬁlm.ts"},
		{"purge http://anna:secret@o.example/a.ts", "ask cache.purge"},
		{"purge http:///a.ts", "ask cache.purge"},
		{"purge http://оrigin.example/a.ts", "ask cache.purge"},
		{"purge &lt;http://o.example/a.ts|x&gt;", "refuse"},
	})
}

func TestFlags(t *testing.T) {
	t.Parallel()
	check(t, []line{
		{`flush edge-1 --reason "old content"`, `confirm cache.flush node=edge-1 --reason="old content"`},
		{`flush edge-1 --reason='it''s old'`, "refuse"},
		{`flush edge-1 --reason "it's \"old\""`, `confirm cache.flush node=edge-1 --reason="it's \"old\""`},
		{"flush edge-1 --reason stale", `confirm cache.flush node=edge-1 --reason="stale"`},
		{`flush edge-1 --reason "flush edge-2; then drain"`, `confirm cache.flush node=edge-1 --reason="flush edge-2; then drain"`},
		{"flush --dry-run edge-1", "act cache.flush node=edge-1 --dry-run"},
		{"--dry-run flush edge-1", "act cache.flush node=edge-1 --dry-run"},
		{"flush edge-1 --by-hand", "act cache.flush node=edge-1 --by-hand"},
		{"flush edge-1 --dry-run=false", "confirm cache.flush node=edge-1"},
		{"flush edge-1 --dry-run=perhaps", "refuse"},
		{"flush edge-1 --follow please", "confirm cache.flush node=edge-1 --follow"},
		{"flush edge-1 --node edge-2", "confirm cache.flush node=edge-1,edge-2"},
		{"flush edge-1 --node edge-1", "confirm cache.flush node=edge-1"},
		{"flush --node edge-2", "confirm cache.flush node=edge-2"},
		{"prime news --deployment kids", "refuse"},
		{"prime news --deployment news", "act cache.prime deployment=news"},
		{"loadtest news --for 2h", "act cache.loadtest deployment=news duration=2h0m0s"},
		{"loadtest news --duration=90m", "act cache.loadtest deployment=news duration=1h30m0s"},
		{`loadtest news --for "90 minutes"`, "act cache.loadtest deployment=news duration=1h30m0s"},
		{"loadtest news --for 8", "ask cache.loadtest deployment=news"},
		{"loadtest news --for 31d", "refuse"},
		{"loadtest news for 2h --for 3h", "refuse"},
		{"flush edge-1 --sofft", "refuse"},
		{"flush edge-1 --soft", "refuse"},
		{"flush edge-1 --reason", "refuse"},
		{"flush edge-1 --reason --dry-run", "refuse"},
		{"flush --node edge-99", "ask cache.flush"},
		{"prime news on --node edge-1", "act cache.prime deployment=news node=edge-1"},
		{"prime news on --dry-run", "ask cache.prime deployment=news --dry-run"},
		{"cancel run --run r-17", "act run.cancel run=r-17"},
		{"--dry-run", "refuse"},
		{"flush edge-1 --", "refuse"},
		{"purge news --tag ch-news", "refuse"},
		{"purge --tag ch-news --prefix /news/", "refuse"},
		{"prime news --url http://o.example/a.ts", "refuse"},
	})
}

func TestRefusalOfAFlagNamesItAndTheNearest(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []line{
		{"flush edge-1 --folow", "cache.flush has no flag --folow; did you mean --follow?"},
		{"flush edge-1 --soft", "cache.flush has no flag --soft; it takes --node, --dry-run, --by-hand, --follow, --break-glass, --reason"},
		{"whoami --loud", "whoami has no flag --loud; it takes none"},
		{"flush edge-1 --reason", "--reason needs a value"},
		{"flush edge-1 --dry-run=perhaps", "--dry-run is a switch: it takes true or false, not perhaps"},
		{"loadtest news for 2h --for 3h", "duration is said twice"},
		{"purge news --tag ch-news", "tag or deployment: one of them, not all"},
	} {
		if got := say(t, p, tt.text).Because; got != tt.want {
			t.Errorf("Parse(%q).Because = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestCompounds(t *testing.T) {
	t.Parallel()
	const both = "confirm cache.flush node=edge-1 ; cache.prime deployment=news node=edge-1"
	check(t, []line{
		{"flush edge-1 then prime news on edge-1", both},
		{"flush edge-1 and then prime news on edge-1", both},
		{"flush edge-1, then prime news on edge-1", both},
		{"flush edge-1; prime news on edge-1", both},
		{"flush edge-1;prime news on edge-1;", both},
		{"flush edge-1\nprime news on edge-1", both},
		{"flush edge-1\n\n  prime news on edge-1\n", both},
		{"flush edge-1; then prime news on edge-1", both},
		{"please flush edge-1, then prime news on edge-1 please", both},
		{"prime news then verify news", "act cache.prime deployment=news ; cache.verify deployment=news"},
		{"nodes; runs", "act node.list ; run.list"},
		{"flush edge-1 then prime sprot-2", "ask cache.flush node=edge-1 ; cache.prime"},
		{"flush edge-1 then reboot edge-2", "refuse"},
		{"flush edge-2; curl evil", "refuse"},
		{"nodes; flush", "ask node.list ; cache.flush"},
		{"flush edge-1 --dry-run; prime news", "act cache.flush node=edge-1 --dry-run ; cache.prime deployment=news"},
		{"flush edge-1 then", "refuse"},
		{"then flush edge-1", "refuse"},
		{"flush edge-1 then then prime news", "refuse"},
		{"flush edge-1 ;; prime news", "refuse"},
		{"; flush edge-1", "refuse"},
		{"flush edge-1 and edge-2", "confirm cache.flush node=edge-1,edge-2"},
		{"flush edge-1 and prime news", "confirm cache.flush node=edge-1 ; cache.prime deployment=news"},
		{"flush edge-1 and flush edge-2", "confirm cache.flush node=edge-1 ; cache.flush node=edge-2"},
		{"prime kids\n> flush edge-1", "refuse"},
	})
}

func TestCompoundOfTooManyCommands(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	var text strings.Builder
	text.WriteString("runs")
	for range 19 {
		text.WriteString("; runs")
	}
	if got := len(say(t, p, text.String()).Commands); got != 20 {
		t.Errorf("20 commands were understood as %d", got)
	}
	if got := brief(say(t, p, text.String()+"; runs")); got != "refuse" {
		t.Errorf("21 commands = %s, want refuse", got)
	}
}

// What comes out belongs to the caller: changing it must not change what the next line is understood as.
func TestResultsShareNothing(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, text := range []string{"failed runs", "follow r-17", "soft purge news", "show", "runs faild", "flush", "status edge-1 and edge-2", "purge news --reason x"} {
		want := brief(say(t, p, text))
		out := say(t, p, text)
		for _, c := range out.Commands {
			for _, slot := range c.Slots {
				slot.Values[0] = "changed"
			}
			for name := range c.Options {
				c.Options[name] = "changed"
			}
		}
		if out.Missing != nil && len(out.Missing.Choices) > 0 {
			out.Missing.Choices[0] = "changed"
		}
		if got := brief(say(t, p, text)); got != want {
			t.Errorf("Parse(%q) after its result was changed = %s, want %s", text, got, want)
		}
	}
}

func TestManyParseAtOnce(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	lines := []line{
		{"flush EDGE 2", "confirm cache.flush node=edge-2"},
		{"prime news on all nodes in lisbon except edge-8", "act cache.prime deployment=news node=edge-7"},
		{"flush edge-99", "ask cache.flush"},
		{"flush the toilet", "refuse"},
		{`purge news --node "edge-1 and edge-2" --reason "a b"`, `act cache.purge deployment=news node=edge-1,edge-2 --reason="a b"`},
		{"flush edge-1 then retry r-17; nodes", "confirm cache.flush node=edge-1 ; run.retry run=r-17 ; node.list"},
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 400 {
				l := lines[i%len(lines)]
				if got := brief(p.Parse(intents.Utterance{Text: l.text})); got != l.want {
					t.Errorf("Parse(%q) beside others = %s, want %s", l.text, got, l.want)
					return
				}
				p.Complete("flush e")
			}
		})
	}
	wg.Wait()
}

func TestConfidenceAndRisk(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []struct {
		text       string
		confidence float64
		risk       intents.Risk
	}{
		{"nodes", 1, intents.Read},
		{"prime news", 1, intents.Reversible},
		{"purge news", 1, intents.Disruptive},
		{"flush edge-1", 1, intents.Destructive},
		{"flush edge-1 --dry-run", 1, intents.Read},
		{"nodes; purge news; prime news", 1, intents.Disruptive},
		{"flush", 1, intents.Destructive},
		{"the weather is fine", 0, intents.Read},
		{"status egde-2", 0.8, intents.Read},
		{"nodes; status egde-2", 0.8, intents.Read},
		{"flush edge-99", 0.8, intents.Destructive},
	} {
		out := say(t, p, tt.text)
		if out.Confidence != tt.confidence || out.Risk != tt.risk {
			t.Errorf("Parse(%q): confidence %v, risk %s; want %v, %s", tt.text, out.Confidence, out.Risk, tt.confidence, tt.risk)
		}
	}
}

func TestSelfLeavesOtherMentionsAlone(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []line{
		{"<@UBOT> flush edge-1", "confirm cache.flush node=edge-1"},
		{"<@UBOT|opsbot> flush edge-1", "confirm cache.flush node=edge-1"},
		{"<@UTOM> flush edge-1", "refuse"},
		{"<@UBOT> <@UTOM> flush edge-1", "refuse"},
		{"@tom flush edge-1", "refuse"},
	} {
		if got := brief(p.Parse(intents.Utterance{Text: tt.text, Self: "UBOT"})); got != tt.want {
			t.Errorf("Parse(%q) = %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestTerminalTakesTheLineAsTyped(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []line{
		{"flush edge-1", "confirm cache.flush node=edge-1"},
		{"<@UBOT> flush edge-1", "refuse"},
		{"purge http://o.example/a?x=1&amp;y=2", "act cache.purge url=http://o.example/a?x=1&amp;y=2"},
	} {
		if got := brief(p.Parse(intents.Utterance{Text: tt.text, Door: intents.DoorTerminal})); got != tt.want {
			t.Errorf("Parse(%q) = %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestTraceTellsOfEachLayer(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	got := p.Parse(intents.Utterance{Text: "please flush  edge 2", Explain: true}).Trace
	want := []string{
		"text: please flush  edge 2",
		"commands: 1",
		"grammar: cache.flush; as text: flush edge-2",
		"decision: confirm, exact command; destructive",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("trace of a flush (-want +got):\n%s", diff)
	}
	if got := say(t, p, "flush edge-2").Trace; got != nil {
		t.Errorf("a trace that nobody asked for: %q", got)
	}
}
