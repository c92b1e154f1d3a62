package content

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/cache"
)

// Look is what a cache served when it was looked at through the viewers' side, object by object against the origin.
type Look struct {
	Deployments []string     `json:"deployments,omitempty"`
	Report      cache.Report `json:"report"`
	Twice       int          `json:"twice,omitempty"`    // objects that were no hit at a first look
	Problems    []string     `json:"problems,omitempty"` // what could not be walked
}

// Verdict says whether viewers get what the origin has: Fresh when every object that could be compared was equal.
func (l Look) Verdict() cache.Verdict {
	switch {
	case l.Report.Stale > 0:
		return cache.Stale
	case l.fresh() == 0 || l.fresh() < l.Report.Total-l.Report.Vanished:
		return cache.Unknown
	}
	return cache.Fresh
}

// fresh counts the objects that were equal to the origin's, wherever they came from.
func (l Look) fresh() int { return l.Report.Hit + l.Report.Miss + l.Report.Uncacheable }

// String says "8 objects looked at: 5 hit, 3 stale".
func (l Look) String() string {
	if l.Report.Total == 0 {
		return "nothing was looked at" + because(firstOf(l.Problems))
	}
	return fmt.Sprintf("%s looked at: %s", objects(l.Report.Total), counts(l.Report))
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return " (" + why + ")"
}

// counts lists what became of the objects, leaving out what did not occur.
func counts(r cache.Report) string {
	var out []string
	for _, c := range []struct {
		n    int
		name string
	}{{r.Hit, "hit"}, {r.Miss, "miss"}, {r.Stale, "stale"}, {r.Failed, "failed"}, {r.Vanished, "gone since"},
		{r.Uncacheable, "not cacheable by design"}, {r.Untold, "unknown"}, {r.Skipped, "not asked"}} {
		if c.n > 0 {
			out = append(out, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	return strings.Join(out, ", ")
}

// offender says what was wrong with the object that is most worth telling: a stale one, else one that failed, else a miss; or "".
func offender(r cache.Report) string {
	worst, rank := "", 0
	for _, o := range r.Offenders {
		n := 2
		switch {
		case strings.HasPrefix(o.Why, "edge has "):
			n = 3
		case strings.HasPrefix(o.Why, "miss"):
			n = 1
		}
		if n > rank {
			worst, rank = o.URL+": "+o.Why, n
		}
	}
	return worst
}

// What a report may hold of things that went wrong: outcomes are bounded ([run.MaxData]), and a person reads the first few.
const (
	offendersMost = 10
	wordsMost     = 300 // bytes of a URL or a reason
)

// trim bounds what a report holds.
func trim(r cache.Report) cache.Report {
	r.Offenders = slices.Clone(r.Offenders[:min(len(r.Offenders), offendersMost)])
	for i, o := range r.Offenders {
		r.Offenders[i].URL, r.Offenders[i].Why = clip(o.URL), clip(o.Why)
	}
	return r
}

// clip cuts a text that is too long for an outcome, between two characters.
func clip(s string) string {
	if len(s) <= wordsMost {
		return s
	}
	return strings.ToValidUTF8(s[:wordsMost], "") + "…"
}

// few keeps the first problems and says how many more there are.
func few(problems []string) []string {
	if len(problems) <= offendersMost {
		return problems
	}
	return append(slices.Clone(problems[:offendersMost]), fmt.Sprintf("and %d more", len(problems)-offendersMost))
}

// progress tells people how far a step has come, where somebody listens.
func progress(call run.Call, say string, done, total int) {
	if call.Progress != nil {
		call.Progress(say, done, total)
	}
}

// counting returns a progress function that says "primed 8 of 15".
func counting(call run.Call, verb string) func(done, total int) {
	return func(done, total int) { progress(call, fmt.Sprintf("%s %d of %d", verb, done, total), done, total) }
}

// log is where an act is logged: the engine's logger bears run, step, actor and node already.
func (c *Content) log(call run.Call) *slog.Logger {
	if call.Log != nil {
		return call.Log
	}
	return c.opts.Log.With("run", call.Run, "step", call.Step, "node", call.Node)
}
