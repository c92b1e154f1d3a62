package content_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/content"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/internal/lab"
)

// byHand returns the commands of every step of a plan, in order.
func (r *rig) byHand(p actions.Plan) []string {
	r.t.Helper()
	var out []string
	for _, g := range p.Groups {
		for _, n := range g.Nodes {
			for _, s := range g.Steps {
				h, ok := r.executor(s.Kind).(run.Handbook)
				if !ok {
					r.t.Fatalf("no runbook for steps of kind %s", s.Kind)
				}
				lines, err := h.ByHand(r.t.Context(), run.Call{Node: n, Args: s.Args})
				if err != nil {
					r.t.Fatalf("ByHand(%s on %s) = %v", s.Kind, n, err)
				}
				out = append(out, lines...)
			}
		}
	}
	return out
}

// paste runs commands as a person would.
func (r *rig) paste(lines []string) string {
	r.t.Helper()
	out, err := exec.CommandContext(r.t.Context(), "sh", "-e", "-c", strings.Join(lines, "\n")).CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s\n%v: %s", strings.Join(lines, "\n"), err, out)
	}
	return string(out)
}

// TestByHand pastes the commands of each plan into a shell, and finds that they did what the plan does.
func TestByHand(t *testing.T) {
	t.Parallel()
	lab.Need(t, "curl", "varnishadm")
	tests := []struct {
		name   string
		intent string
		words  []string
		lines  []string // that must be among the commands
		fresh  []string // what is new afterwards
	}{
		{"flush", "cache.flush", []string{"node=edge-1"}, []string{"# edge-1/front", "sleep 1",
			"varnishadm -T ADMIN -S SECRET ban obj.status '!=' 0", "curl -sS -i -o /dev/null -H 'Host: ORIGIN' EDGE/news/v1/seg5.ts"},
			[]string{"/news/master.m3u8", "/news/v1/seg5.ts"}},
		{"purge URLs", "cache.purge", []string{"url=/news/v0/seg1.ts"}, []string{"curl -sS -i -X PURGE -H 'Host: ORIGIN' EDGE/news/v0/seg1.ts"}, []string{"/news/v0/seg1.ts"}},
		{"purge a tag", "cache.purge", []string{"tag=ch-news-v0"}, []string{"curl -sS -i -X PURGE -H 'xkey-purge: ch-news-v0' EDGE/"}, []string{"/news/v0/seg2.ts"}},
		{"purge a prefix", "cache.purge", []string{"prefix=/news/v1/seg"}, []string{"varnishadm -T ADMIN -S SECRET ban obj.http.x-url '~' '^/news/v1/seg'"}, []string{"/news/v1/seg2.ts"}},
		{"purge a deployment", "cache.purge", []string{"deployment=news"}, []string{"curl -sS -i -X PURGE -H 'Host: ORIGIN' EDGE/news/v1/seg0.ts"}, []string{"/news/v1/seg0.ts"}},
		{"prime", "cache.prime", []string{"deployment=news"}, []string{"curl -sS -I ORIGINURL/news/master.m3u8"}, nil},
		{"loadtest", "cache.loadtest", []string{"deployment=news", "duration=1s"}, []string{"done"}, nil},
	}
	r := newRig(t, 1)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { // one after another: they share what the edge holds
			sub := *r
			sub.t = t
			sub.mustDo(fmt.Sprintf("r-%d", 10+i), sub.plan("cache.flush", "node=edge-1"))
			lines := sub.byHand(sub.plan(tt.intent, tt.words...))
			replace := strings.NewReplacer("ADMIN", r.edges[0].AdminAddress, "SECRET", r.edges[0].SecretFile, "EDGE", r.edges[0].URL,
				"ORIGINURL", r.origin.URL, "ORIGIN", r.origin.Address)
			for _, want := range tt.lines {
				contains(t, "commands", strings.Join(lines, "\n"), replace.Replace(want))
			}
			was := map[string]string{}
			for _, path := range tt.fresh {
				was[path] = sub.etag(0, path)
			}
			r.origin.SetGeneration(i + 1)
			sub.paste(lines)
			for _, path := range tt.fresh {
				if got := sub.etag(0, path); got == was[path] {
					t.Errorf("%s after the commands = %s, as before; commands:\n%s", path, got, strings.Join(lines, "\n"))
				}
			}
		})
	}
}

// TestByHandDeadOrigin still gives the commands that need no playlist.
func TestByHandDeadOrigin(t *testing.T) {
	t.Parallel()
	w := &world{nodes: []actions.Node{node("edge-1", actions.Cache{Name: "front", Kind: "varnish", URL: "http://127.0.0.1:1", AdminAddress: "127.0.0.1:2"})},
		deployments: []actions.Deployment{{Name: "news", Origin: "http://127.0.0.1:1/news/master.m3u8"}}}
	r := &rig{t: t, world: w, c: newContent(t, content.Options{World: w})}
	lines := strings.Join(r.byHand(r.plan("cache.flush", "node=edge-1")), "\n")
	contains(t, "commands", lines, "varnishadm -T 127.0.0.1:2 ban obj.status '!=' 0", "sleep 2", "# not read, so its URLs are missing here: news: ", "# nothing to prime on edge-1")
}

// TestByHandErrors: what cannot be written out is said among the commands, or names the step that is broken.
func TestByHandErrors(t *testing.T) {
	t.Parallel()
	w := &world{nodes: []actions.Node{node("edge-1", actions.Cache{Name: "front", Kind: "varnish", URL: "http://127.0.0.1:1"}), node("mac-1")},
		deployments: []actions.Deployment{{Name: "news", Origin: "http://127.0.0.1:1/news/master.m3u8"}}}
	c := newContent(t, content.Options{World: w})
	hand := func(kind, node string, args any) ([]string, error) {
		h, ok := c.Executors()[kind].(run.Handbook)
		if !ok {
			t.Fatalf("no runbook for steps of kind %s", kind)
		}
		return h.ByHand(t.Context(), call(node, args))
	}
	for _, tt := range []struct {
		name, kind, node string
		args             any
		want             string // among the lines, or in the error
	}{
		{"no admin address", content.KindFlush, "edge-1", content.FlushArgs{Pass: 1}, "# no command: no admin address configured for edge-1/front"},
		{"playlists that cannot be read", content.KindPurge, "edge-1", content.PurgeArgs{Deployment: "news"}, "# edge-1/front: no commands: nothing of news could be read"},
		{"unknown deployment", content.KindPrime, "edge-1", content.PrimeArgs{Deployments: []string{"nwes"}}, "did you mean news?"},
		{"unknown deployment", content.KindLoadtest, "edge-1", content.LoadArgs{Deployment: "nwes"}, "did you mean news?"},
		{"unknown node", content.KindFlush, "edge-7", content.FlushArgs{}, "read node edge-7 of the inventory"},
		{"no cache", content.KindSettle, "mac-1", nil, "mac-1: no cache there in the inventory any more"},
		{"no cache", content.KindPurge, "mac-1", content.PurgeArgs{Prefix: "/x/"}, "mac-1: no cache there"},
		{"broken arguments", content.KindPurge, "edge-1", "text", "arguments of cache.purge"},
		{"broken arguments", content.KindPrime, "edge-1", "text", "arguments of cache.prime"},
		{"broken arguments", content.KindVerify, "edge-1", "text", "arguments of cache.verify"},
		{"broken arguments", content.KindLoadtest, "edge-1", "text", "arguments of cache.loadtest"},
	} {
		t.Run(tt.kind+" "+tt.name, func(t *testing.T) {
			t.Parallel()
			lines, err := hand(tt.kind, tt.node, tt.args)
			contains(t, "lines or error", strings.Join(append(lines, fmt.Sprint(err)), "\n"), tt.want)
		})
	}
}
