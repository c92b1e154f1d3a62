package bot_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/fixtures/hls"
	"github.com/shitops/opsbot/internal/lab"
)

// edge is a real Varnish in front of a real origin.
type edge struct {
	origin  *lab.Origin
	varnish []*lab.Varnish
	master  string // path of the deployment's master playlist
}

// startEdge starts an origin with the sample stream and n Varnishes before it.
func startEdge(tb testing.TB, n int) *edge {
	tb.Helper()
	lab.Need(tb, "varnishd", "varnishadm", "varnishstat", "cc")
	e := &edge{master: "/ts/master.m3u8", origin: lab.NewOrigin(tb, lab.OriginOptions{
		Files: hls.Files(), Channels: []lab.Channel{{Name: "long", Segments: 4000, Bytes: 1000}},
	})}
	for range n {
		e.varnish = append(e.varnish, lab.NewVarnish(tb, lab.VarnishOptions{Origin: e.origin.Address}))
	}
	return e
}

// inventory is the configuration of these Varnishes as edge-1, edge-2 and so on, all of which serve news.
func (e *edge) inventory() string {
	var b strings.Builder
	b.WriteString("\ninventory:\n  nodes:\n")
	var names []string
	for i, v := range e.varnish {
		name := fmt.Sprintf("edge-%d", i+1)
		names = append(names, name)
		fmt.Fprintf(&b, "    - name: %s\n      site: berlin\n      caches:\n", name)
		fmt.Fprintf(&b, "        - {name: front, kind: varnish, url: %q, admin: {address: %q, secret_file: %q}, stats: {varnishstat: %q}, settle: 50ms}\n",
			v.URL, v.AdminAddress, v.SecretFile, v.StatsDir)
	}
	fmt.Fprintf(&b, "  deployments:\n    - {name: news, origin: %q, nodes: [%s]}\n", e.origin.URL+e.master, strings.Join(names, ", "))
	return b.String()
}

// etag asks the first edge as a viewer does.
func (e *edge) etag(tb testing.TB, path string) string {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, e.varnish[0].URL+path, nil)
	if err != nil {
		tb.Fatal(err)
	}
	req.Host = e.origin.Address
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		tb.Fatal(err)
	}
	return resp.Header.Get("ETag")
}

// bans counts the bans on the first edge that bear a mark of the bot.
func (e *edge) bans(tb testing.TB, mark string) int {
	tb.Helper()
	list, err := e.varnish[0].Admin(tb.Context(), "ban.list")
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Count(list, mark)
}

// TestFlushOfARealVarnish is the main job: old content in the cache, new content at the origin, one command, a verified flush.
func TestFlushOfARealVarnish(t *testing.T) {
	t.Parallel()
	e := startEdge(t, 1)
	h := startHouse(t, e.inventory())
	const segment = "/ts/v0/seg000.ts"
	old := e.etag(t, segment)
	e.origin.SetGeneration(7)
	if got := e.etag(t, segment); got != old {
		t.Fatalf("the edge serves %s after the origin changed, want the old %s: the test proves nothing", got, old)
	}
	got := h.expect(h.say("flush edge-1", withYes), door.OK, "edge-1", "removed", "verified", "done in")
	if now := e.etag(t, segment); now == old || now == "" {
		t.Errorf("the edge serves %q after the flush, the old one is %q", now, old)
	}
	run := got.last().Run
	if n := e.bans(t, run+"/do/0/"); n != 1 {
		t.Errorf("%d bans of the first step of %s, want 1", n, run)
	}
	h.expect(h.say("show "+run), door.OK, "edge-1", "done")
	h.expect(h.say("undo "+run, withYes), door.Failure)
	h.expect(h.say("verify news on edge-1"), door.OK, "edge-1")
	h.expect(h.say("cache stats edge-1"), door.OK, "edge-1")
}

// TestExportWipeImport brings a wiped bot back: nothing is deleted, the difference is shown, one yes resumes.
func TestExportWipeImport(t *testing.T) {
	t.Parallel()
	e := startEdge(t, 1)
	h := startHouse(t, e.inventory())
	first := h.expect(h.say("prime news on edge-1", withYes), door.OK).last().Run
	file := filepath.Join(h.dir, "copy.jsonl")
	h.export(file)
	h.halt()
	if err := os.RemoveAll(filepath.Join(h.dir, "data")); err != nil {
		t.Fatal(err)
	}
	restore(t, h.file, file)
	h2 := startIn(t, h.dir, h.file)
	h2.expect(h2.say("show "+first), door.OK, "done")
	h2.expect(h2.say("flush edge-1", withYes), door.Refused, "observe", "resume")
	h2.expect(h2.say("status"), door.Failure, "observe")
	h2.expect(h2.say("resume"), door.Refused, "nothing is deleted", "no run was under way")
	h2.expect(h2.say("yes"), door.OK, "resumed")
	second := h2.expect(h2.say("flush edge-1", withYes), door.OK).last().Run
	if first == second {
		t.Errorf("run id %s is used twice", first)
	}
}

// export writes a copy of the whole state, as the socket does for `opsbot export`.
func (h *house) export(file string) {
	h.tb.Helper()
	f, err := os.Create(file)
	if err != nil {
		h.tb.Fatal(err)
	}
	if err := h.Export(context.Background(), f); err != nil {
		h.tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		h.tb.Fatal(err)
	}
}
