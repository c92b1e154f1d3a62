package intents_test

import (
	"testing"
	"time"

	"github.com/shitops/opsbot/intents"
)

func TestSpans(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []struct{ said, want string }{
		{"2h", "2h0m0s"}, {"90m", "1h30m0s"}, {"90min", "1h30m0s"}, {"1h30m", "1h30m0s"}, {"1.5h", "1h30m0s"}, {"2d", "48h0m0s"}, {"1w", "168h0m0s"}, {"30s", "30s"}, {"2H", "2h0m0s"},
		{"2 hours", "2h0m0s"}, {"90 minutes", "1h30m0s"}, {"two hours", "2h0m0s"}, {"an hour", "1h0m0s"}, {"a minute", "1m0s"}, {"half an hour", "30m0s"}, {"a day", "24h0m0s"},
		{"an hour and a half", "1h30m0s"}, {"two hours and a half", "2h30m0s"}, {"2 hours and 15 minutes", "2h15m0s"}, {"2 hours 15 minutes", "2h15m0s"}, {"1h 30m", "1h30m0s"},
		{"a day and a half", "36h0m0s"}, {"30 days", "720h0m0s"}, {"4 weeks", "672h0m0s"}, {"hour", "1h0m0s"}, {"500ms", "500ms"}, {"twenty minutes", "20m0s"},
	} {
		text := "loadtest news for " + tt.said
		out := say(t, p, text)
		if len(out.Commands) != 1 || out.Commands[0].Slots.One("duration") != tt.want {
			t.Errorf("Parse(%q) = %s, want the duration %s", text, brief(out), tt.want)
		}
	}
}

func TestSpansThatAreNone(t *testing.T) {
	t.Parallel()
	check(t, []line{
		{"loadtest news for 8", "ask cache.loadtest deployment=news"},
		{"loadtest news for eight", "ask cache.loadtest deployment=news"},
		{"loadtest news for 31 days", "refuse"},
		{"loadtest news for 721h", "refuse"},
		{"loadtest news for 5 weeks", "refuse"},
		{"loadtest news for 99999999999999999999h", "refuse"},
		{"loadtest news for 0 minutes", "refuse"},
		{"loadtest news for -2h", "refuse"},
		{"loadtest news for -2 hours", "refuse"},
		{"loadtest news for a while", "refuse"},
		{"loadtest news for ever", "refuse"},
		{"loadtest news for 2x", "refuse"},
		{"loadtest news for 1.2.3h", "ask cache.loadtest deployment=news"},
		{"loadtest news for 2h 2h", "confirm cache.loadtest deployment=news duration=2h0m0s"},
		{"loadtest news for h", "act cache.loadtest deployment=news duration=1h0m0s"},
	})
}

func TestUntil(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	now, zone := clock(t) // noon
	for _, tt := range []struct{ said, want string }{
		{"18:00", "6h0m0s"}, {"6pm", "6h0m0s"}, {"6 pm", "6h0m0s"}, {"6:30pm", "6h30m0s"}, {"13:15", "1h15m0s"}, {"12:00", "24h0m0s"}, {"midnight", "12h0m0s"}, {"noon", "24h0m0s"},
		{"3am", "15h0m0s"}, {"12am", "12h0m0s"}, {"12pm", "24h0m0s"},
		{"6", ""}, {"25:00", ""}, {"12:60", ""}, {"13pm", ""}, {"0am", ""}, {"18:0", ""}, {"tomorrow", ""}, {"18:00:00", ""}, {"-1:00", ""},
	} {
		text := "loadtest news until " + tt.said
		out := p.Parse(intents.Utterance{Text: text, Now: now, Zone: zone})
		got := ""
		if out.Decision == intents.Act {
			got = out.Commands[0].Slots.One("duration")
		}
		if got != tt.want {
			t.Errorf("Parse(%q) at noon = %s, want the duration %q", text, brief(out), tt.want)
		}
	}
	if out := say(t, p, "loadtest news until 2h"); out.Question != `"2h" is no time of day. Which time span?` {
		t.Errorf("until 2h = %s, question %q", brief(out), out.Question)
	}
	if out := p.Parse(intents.Utterance{Text: "loadtest news until 6pm"}); out.Decision == intents.Act {
		t.Errorf("without a clock, until 6pm = %s", brief(out))
	}
}

func TestUntilOverAChangeOfClocks(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	_, zone := clock(t)
	evening := time.Date(2026, 3, 28, 22, 0, 0, 0, zone) // the clocks go forward at 2 in the night
	out := p.Parse(intents.Utterance{Text: "loadtest news until 6:00", Now: evening, Zone: zone})
	if got, want := out.Commands[0].Slots.One("duration"), "7h0m0s"; got != want {
		t.Errorf("from 22:00 until 6:00 in a night that is an hour short = %s, want %s", got, want)
	}
}

func TestRates(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, tt := range []struct{ said, want string }{
		{"100/s", "100"}, {"100rps", "100"}, {"100 rps", "100"}, {"100 /s", "100"}, {"100 / s", "100"}, {"100 per second", "100"}, {"100 requests per second", "100"},
		{"100 req/s", ""}, {"100 requests a second", "100"}, {"100", ""}, {"0/s", ""}, {"-5/s", ""}, {"1000001/s", ""}, {"010/s", ""}, {"1.5/s", ""},
	} {
		text := "loadtest news at " + tt.said
		out := say(t, p, text)
		got := ""
		if out.Decision == intents.Act {
			got = out.Commands[0].Slots.One("rate")
		}
		if got != tt.want {
			t.Errorf("Parse(%q) = %s, want the rate %q", text, brief(out), tt.want)
		}
	}
}
