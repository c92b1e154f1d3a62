package intents_test

import (
	"testing"

	"github.com/shitops/opsbot/intents"
)

// Several wrong values in one command: none of them may be lost on the way.

func TestSeveralMistypedNames(t *testing.T) {
	t.Parallel()
	check(t, []line{
		{"verify sprot-2 on egde-1", "act cache.verify deployment=sport-2 node=edge-1"},
		{"status egde-1, edge-5, egde-2", "act status.show node=edge-1,edge-5,edge-2"},
		{"status egde-1 and egde-2", "act status.show node=edge-1,edge-2"},
		{"status edge-4, egde-1, edge-5, egde-2, edge-6", "act status.show node=edge-4,edge-1,edge-5,edge-2,edge-6"},
		{"status edge-1 and egde-1", "act status.show node=edge-1"},
		{"status --node egde-1 --node egde-2", "act status.show node=edge-1,edge-2"},
		{"status --node egde-1,egde-2", "act status.show node=edge-1,edge-2"},
		{"status egde-1 --node egde-2", "act status.show node=edge-1,edge-2"},
		{"verify sprot-2 on edge-99", "ask cache.verify"},
		{"flush egde-1 and egde-2", "ask cache.flush"},
		{"flush edge-98, edge-3 and edge-99", "ask cache.flush node=edge-3"},
		{"flush edge-1 and edge-98 --node edge-99", "ask cache.flush node=edge-1"},
		{"flush edge-96, edge-97, edge-98 and edge-99", "ask cache.flush"},
		{"purge http://o.example/a http://u:p@o.example/b and http://o.example/c on edge-1", "ask cache.purge url=http://o.example/a,http://o.example/c node=edge-1"},
		{"purge http:///a and http:///b", "ask cache.purge"},
		{"purge prefix news", "ask cache.purge"},
		{"purge prefix http:///", "ask cache.purge"},
		{"check disk on monday", "refuse"},
		{"prime time on tv", "refuse"},
		{"purge users on prod", "refuse"},
	})
}

func TestSeveralQuestionsOneAfterAnother(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for _, talk := range [][]line{
		{
			{"prime sprot-2 on edge-99", "ask cache.prime"},
			{"sport-2", "ask cache.prime deployment=sport-2"},
			{"edge-1", "act cache.prime deployment=sport-2 node=edge-1"},
		},
		{
			{"flush edge-98, edge-3 and edge-99", "ask cache.flush node=edge-3"},
			{"edge-1", "ask cache.flush node=edge-1,edge-3"},
			{"edge-5", "confirm cache.flush node=edge-1,edge-3,edge-5"},
		},
		{
			{"flush edge-98, edge-3 and edge-99", "ask cache.flush node=edge-3"},
			{"edge-1 and edge-2", "ask cache.flush node=edge-1,edge-2,edge-3"},
			{"3", "confirm cache.flush node=edge-1,edge-2,edge-3,edge-6"},
		},
		{
			{"flush edge-98 and edge-99", "ask cache.flush"},
			{"edge-1", "ask cache.flush node=edge-1"},
			{"edge-1", "confirm cache.flush node=edge-1"},
		},
		{
			{"flush --node edge-98 --node edge-99", "ask cache.flush"},
			{"edge-1", "ask cache.flush node=edge-1"},
			{"edge-2", "confirm cache.flush node=edge-1,edge-2"},
		},
		{
			{"flush edge-1 and edge-98 --node edge-99", "ask cache.flush node=edge-1"},
			{"edge-2", "ask cache.flush node=edge-1,edge-2"},
			{"edge-3", "confirm cache.flush node=edge-1,edge-2,edge-3"},
		},
		{
			{"loadtest sprot-2 for 8 at 100", "ask cache.loadtest"},
			{"sport-2", "ask cache.loadtest deployment=sport-2"},
			{"1", "ask cache.loadtest deployment=sport-2 duration=8m0s"},
			{"100/s", "act cache.loadtest deployment=sport-2 duration=8m0s rate=100"},
		},
		{
			{"purge http://o.example/a http://u:p@o.example/b and http://o.example/c", "ask cache.purge url=http://o.example/a,http://o.example/c"},
			{"http://o.example/b", "act cache.purge url=http://o.example/a,http://o.example/b,http://o.example/c"},
		},
		{
			{"purge prefix news", "ask cache.purge"},
			{"/news/", "act cache.purge prefix=/news/"},
		},
		{
			{"flush edge-98 and edge-97; purge nws; cancel 17", "ask cache.flush ; cache.purge ; run.cancel"},
			{"edge-1", "ask cache.flush node=edge-1 ; cache.purge ; run.cancel"},
			{"edge-2", "ask cache.flush node=edge-1,edge-2 ; cache.purge ; run.cancel"},
			{"news", "ask cache.flush node=edge-1,edge-2 ; cache.purge deployment=news ; run.cancel"},
			{"r-17", "confirm cache.flush node=edge-1,edge-2 ; cache.purge deployment=news ; run.cancel run=r-17"},
		},
	} {
		converse(t, p, talk)
	}
}

// converse says the first line and answers with the others.
func converse(t *testing.T, p *intents.Parser, talk []line) {
	t.Helper()
	out := say(t, p, talk[0].text)
	for i, l := range talk {
		if i > 0 {
			next, ok := p.Answer(stored(t, out), l.text, intents.Utterance{})
			if !ok {
				t.Errorf("%q: %q is no answer to %q", talk[0].text, l.text, out.Question)
				return
			}
			out = next
		}
		if got := brief(out); got != l.want {
			t.Errorf("%q: after %q\n  = %s\nwant %s", talk[0].text, l.text, got, l.want)
			return
		}
	}
}

func TestQuestionsNameEachWrongValue(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	out := say(t, p, "prime sprot-2 on edge-99")
	want := []string{
		"Did you mean sport-2?",
		`There is no node "edge-99"; did you mean 1) edge-8, 2) edge-7 or 3) edge-6?`,
	}
	for m := out.Missing; m != nil; m = m.Next {
		if len(want) == 0 || m.Question != want[0] {
			t.Fatalf("question %q, want %q", m.Question, want)
		}
		want = want[1:]
	}
	if len(want) > 0 {
		t.Errorf("nobody asks %q", want)
	}
}
