package intents

import (
	"strings"
	"time"
)

// samples reads phrases as if somebody had said them about a small inventory of samples, so that they look to the classifier as the same words
// will look when they are said: "for {duration}" becomes one mask where "for 2h" does.
type samples struct {
	p *Parser
	m *matcher
	s saying
}

// newSamples returns a reader of phrases, nil where c has no grammar.
func (c *Catalog) newSamples() *samples {
	p, err := NewParser(c, Inventory{
		Nodes: []Node{
			{Name: "edge-1", Site: "berlin", Platform: "linux"}, {Name: "edge-2", Site: "berlin", Platform: "linux"}, {Name: "mac-1", Site: "lisbon", Platform: "darwin"},
		},
		Deployments: []string{"sport-1"},
		Tenants:     []string{"tenant-1"},
		Segments:    []Segment{{Name: "studio-1", VNI: 5001}},
		People:      []string{"anna"},
		Rules:       []string{"flush-on-alert"},
		Jobs:        []string{"nightly-prime"},
		Services:    []string{"Cache Hit Rate"},
	})
	if err != nil {
		return nil
	}
	return &samples{p: p, m: p.scratch(time.Date(2026, 6, 10, 14, 20, 0, 0, time.UTC))}
}

// mask returns the text of a phrase as it is masked when it is said; empty where it cannot be read.
func (r *samples) mask(text string) string {
	text, err := normalise(r.fill(text))
	if err != nil {
		return ""
	}
	toks, err := r.p.catalog.tokenise(nil, text)
	if err != nil || len(toks) == 0 {
		return ""
	}
	pt := r.p.catalog.part(toks)
	r.s.take(r.p.catalog, &pt)
	r.m.things(&r.s)
	r.p.catalog.maskNames(&r.s)
	r.s.listen(r.p.catalog.cues)
	return r.s.mask()
}

// fill puts a sample into each hole: another one each time, as far as there are two.
func (r *samples) fill(text string) string {
	var b strings.Builder
	for n := 0; ; n++ {
		head, rest, found := strings.Cut(text, "{")
		b.WriteString(head)
		if !found {
			return b.String()
		}
		name, tail, _ := strings.Cut(rest, "}")
		said := sampleOf(name)
		b.WriteString(said[n%len(said)])
		text = tail
	}
}

// sampleOf returns what may be said in place of a hole.
func sampleOf(hole string) []string {
	switch hole {
	case "node", "nodes", "to":
		return []string{"edge-1", "edge-2"}
	case "duration", "period":
		return []string{"2h"}
	case "time", "start":
		return []string{"6pm", "8pm"}
	case "schedule":
		return []string{"every day at 5:30"}
	case "url":
		return []string{"http://cdn.example/a.ts"}
	case "prefix":
		return []string{"/news/"}
	case "deployment":
		return []string{"sport-1"}
	case "run":
		return []string{"r-17"}
	case "service":
		return []string{`"Cache Hit Rate"`}
	case "segment":
		return []string{"studio-1"}
	case "vni":
		return []string{"vni 5001"}
	case "site":
		return []string{"berlin"}
	case "platform":
		return []string{"linux"}
	case "person":
		return []string{"anna"}
	case "job":
		return []string{"nightly-prime"}
	case "rule":
		return []string{"flush-on-alert"}
	case "count":
		return []string{"50"}
	case "rate":
		return []string{"50/s"}
	case "tag":
		return []string{"tag ch-news"}
	case "tenant":
		return []string{"tenant-1"}
	case "intent", "topic":
		return []string{"cache.flush", "alert.list"}
	case "address":
		return []string{"192.0.2.7"}
	}
	return []string{`"new disk"`}
}
