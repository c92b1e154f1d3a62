package enrol_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/enrol"
	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/lab"
	"github.com/shitops/opsbot/internal/secret"
)

// real starts an Icinga2 with the kit and returns a client with the rights of its ApiUser, and no others.
func real(t testing.TB, more string) (*lab.Icinga, *icinga.Client) {
	t.Helper()
	lab.Need(t, "icinga2")
	files, err := icinga.KitFiles(icinga.KitOptions{Password: secret.New([]byte("of-the-kit")), HostCheck: "dummy", Program: "/bin/true"})
	if err != nil {
		t.Fatal(err)
	}
	i := lab.NewIcinga(t, lab.IcingaOptions{Files: files, Config: more})
	ca, err := os.ReadFile(i.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := icinga.New(icinga.Options{
		URL: i.URL, User: "opsbot", CA: ca, ServerName: i.ServerName,
		Password: func() (secret.Secret, error) { return secret.New([]byte("of-the-kit")), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return i, c
}

// fleet is an inventory of edges, each with a cache and two streams.
func fleet(n int) *world {
	w := &world{deployments: []actions.Deployment{{Name: "news", Origin: "http://origin.example/news/master.m3u8"}, {Name: "sport", Origin: "http://origin.example/sport/master.m3u8"}}}
	for i := range n {
		w.nodes = append(w.nodes, actions.Node{
			Name: fmt.Sprintf("edge-%03d", i), Address: "127.0.0.1", Platform: "linux", Caches: []actions.Cache{{Name: "front", URL: "http://127.0.0.1:1", StatsDir: "/nowhere"}},
		})
	}
	return w
}

// TestRealFleet registers 200 nodes with three services each, with the rights of the kit's user, and then has nothing to do.
func TestRealFleet(t *testing.T) {
	t.Parallel()
	_, c := real(t, "")
	h := newHome(t, fleet(200), c)
	began := time.Now()
	r := h.pass(t)
	took := time.Since(began)
	t.Logf("%s in %s", r, took)
	if len(r.Created) != 800 || !r.Well() {
		t.Errorf("the first pass: %s, failed %.300q, spoilt %.300q", r, r.Failed, r.Spoilt)
	}
	if took > 20*time.Second {
		t.Errorf("200 nodes with 3 services each took %s, want less than 20 s", took)
	}
	began = time.Now()
	if r := h.pass(t); r.Writes() != 0 || !r.Well() {
		t.Errorf("the second pass wrote: %s", r)
	}
	t.Logf("an unchanged pass took %s", time.Since(began))
}

// TestRealNeighbours: on a daemon with hosts of files, another bot's and a rule for macs, ours are made, the rule works on them, and the rest stays.
func TestRealNeighbours(t *testing.T) {
	t.Parallel()
	i, c := real(t, `
object Host "edge-2" { check_command = "dummy"; address = "192.0.2.2" }
apply Service "macos-update" { check_command = "dummy"; assign where host.vars.os == "macosx" }
`)
	ctx := t.Context()
	w := sample()
	h := newHome(t, w, c)
	other := newHome(t, &world{nodes: []actions.Node{{Name: "mac-2", Platform: "darwin"}}}, c, func(o *enrol.Options) { o.Owner = "another-bot" })
	other.pass(t)
	r := h.pass(t)
	if len(r.Foreign) != 4 || !r.Well() || len(r.Created) != 4 {
		t.Errorf("%s: made %q, foreign %q, spoilt %q", r, r.Created, r.Foreign, r.Spoilt)
	}
	for _, name := range []string{"mac-1", "mac-2"} {
		if there, err := c.Exists(ctx, name, "macos-update"); !there || err != nil {
			t.Errorf("the rule for macs made its service on %s: %v, %v", name, there, err)
		}
	}
	if err := c.Modify(ctx, "edge-2", "", map[string]any{"address": "192.0.2.99"}); !errors.Is(err, icinga.ErrNotFound) && !errors.Is(err, icinga.ErrForbidden) {
		t.Errorf("a change of a host that is not ours = %v, want that it may not", err)
	}
	w.edit(func(w *world) {
		w.nodes = slices.DeleteFunc(w.nodes, func(n actions.Node) bool { return n.Name == "mac-1" })
	})
	steps, _, err := h.Removed(ctx, actions.Node{Name: "mac-1"})
	if err != nil {
		t.Fatal(err)
	}
	if say, err := h.call(t, steps[0], false); err != nil || !strings.Contains(say, "has forgotten mac-1") {
		t.Errorf("removal: %q, %v", say, err)
	}
	if text, err := i.Get(ctx, "/v1/objects/services"); err != nil || strings.Contains(text, "mac-1!") {
		t.Errorf("left of mac-1: %v, %.300s", err, text)
	}
	if r := other.pass(t); r.Writes() != 0 {
		t.Errorf("the other bot had to write: %s", r)
	}
}

// TestRealReload: whatever a reload in the middle of 100 creates swallows, all of them are there in the end; and so after a crash.
func TestRealReload(t *testing.T) {
	t.Parallel()
	i, c := real(t, "")
	h := newHome(t, fleet(34), c, func(o *enrol.Options) { o.Every, o.Look = 3*time.Second, 200*time.Millisecond })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- h.Run(ctx) }()
	if err := i.Reload(ctx, "/* reloaded */"); err != nil {
		t.Error(err)
	}
	complete := func(what string) {
		t.Helper()
		for end := time.Now().Add(60 * time.Second); ; time.Sleep(200 * time.Millisecond) {
			hosts, err := c.Owned(ctx, false)
			services, err2 := c.Owned(ctx, true)
			if len(hosts) == 34 && len(services) == 102 {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %d hosts and %d services, %v, %v; the last pass: %s", what, len(hosts), len(services), err, err2, h.Last())
			}
		}
	}
	complete("after a reload in the middle")
	i.Kill()
	if err := i.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(ctx, "edge-007", ""); err != nil {
		t.Fatal(err)
	}
	complete("after a crash and a deletion behind our back")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestRealSpoilt: a name that a real daemon refuses stops nothing, and works after a reload.
func TestRealSpoilt(t *testing.T) {
	t.Parallel()
	const trap = `apply Service "trap" { check_command = host.vars.no_such_command; assign where host.name == "edge-1" && host.vars.opsbot }`
	i, c := real(t, trap)
	h := newHome(t, sample(), c)
	r := h.pass(t)
	if len(r.Spoilt) != 1 || !strings.HasPrefix(r.Spoilt[0], "edge-1: ") || len(r.Created) != 5 {
		t.Fatalf("made %q, spoilt %.300q, failed %.300q", r.Created, r.Spoilt, r.Failed)
	}
	if r := h.pass(t); r.Writes() != 0 {
		t.Errorf("the second pass wrote: %s", r)
	}
	if err := i.Reload(t.Context(), "/* the trap is gone */"); err != nil {
		t.Fatal(err)
	}
	if r := h.pass(t); !r.Well() {
		t.Errorf("after the reload: %s, spoilt %.300q", r, r.Spoilt)
	}
	hosts, err := c.Owned(t.Context(), false)
	var names []string
	for _, o := range hosts {
		names = append(names, o.Name())
	}
	if diff := cmp.Diff([]string{"edge-1", "edge-2", "mac-1"}, names); err != nil || diff != "" {
		t.Errorf("%v, hosts (-want +got):\n%s", err, diff)
	}
}
