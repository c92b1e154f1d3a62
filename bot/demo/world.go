package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/shitops/opsbot/bot/demo/nodes"
	"github.com/shitops/opsbot/internal/lab"
)

// Options say where a world is made. All are required.
type Options struct {
	Dir     string   // of everything; the caller removes it
	Program string   // path of opsbot, which the monitoring runs
	Holder  []string // arguments with which it holds nodes
}

// World is an edge on this machine: an origin, two caches, a monitoring server, three nodes with agents, and people.
type World struct {
	Origin *lab.Origin
	Edges  []*Edge
	Nodes  *nodes.Lab // nil where this machine has none
	File   string     // the bot's configuration

	opt        Options
	monitoring monitoring
	noNodes    error // why Nodes is nil
	client     *http.Client
	generation int
	audience   sync.WaitGroup // the regular viewers
	stops      []func() error
}

// channel is the sample stream, made up: an advertisement is a part of it, and changes with the generation of the origin.
const channel = "news"

// Start makes a world in a folder. Stop ends it.
func Start(ctx context.Context, opt Options) (*World, error) {
	w := &World{opt: opt, File: filepath.Join(opt.Dir, "opsbot.yaml"), client: &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}}
	if err := w.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("make the world of the demo: %w", err), w.Stop())
	}
	return w, nil
}

func (w *World) start(ctx context.Context) error {
	origin, err := lab.StartOrigin(ctx, lab.OriginOptions{Channels: []lab.Channel{{Name: channel, Variants: 2}, {Name: "long", Segments: 4000, Bytes: 512}}})
	if err != nil {
		return err
	}
	w.Origin = origin
	w.stops = append(w.stops, origin.Stop)
	var starting errgroup.Group
	w.Edges = []*Edge{{Name: "edge-1"}, {Name: "edge-2"}}
	for _, e := range w.Edges {
		starting.Go(func() error { return e.start(ctx, origin.Address, w.opt.Dir) })
	}
	starting.Go(func() error { return w.startMonitoring(ctx) })
	starting.Go(func() error { return w.startNodes(ctx) })
	err = starting.Wait()
	for _, e := range w.Edges {
		if e.stop != nil {
			w.stops = append(w.stops, e.stop)
		}
	}
	if w.monitoring != nil {
		w.stops = append(w.stops, w.monitoring.Stop)
	}
	if w.Nodes != nil {
		w.stops = append(w.stops, w.Nodes.Stop)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(w.File, []byte(w.config()), 0o600)
}

// Stop ends all servers, the last one first. It may be called again.
func (w *World) Stop() error {
	var errs []error
	for i := len(w.stops) - 1; i >= 0; i-- {
		errs = append(errs, w.stops[i]())
	}
	w.stops = nil
	w.client.CloseIdleConnections()
	return errors.Join(errs...)
}

// Parts says what the world is made of, and what of it stands in.
func (w *World) Parts() []string {
	out := []string{"origin   " + w.Origin.URL + "/" + channel + "/master.m3u8, an HLS channel made up here"}
	for _, e := range w.Edges {
		kind := "real Varnish"
		if !e.Real() {
			kind = "STAND-IN for Varnish (it is not installed; Debian: apt-get install varnish varnish-modules gcc libc6-dev)"
		}
		out = append(out, fmt.Sprintf("%-8s %s, %s", e.Name, e.URL, kind))
	}
	return append(out, "icinga2  "+w.monitoring.describe(), "nodes    "+w.Ground())
}

// edge returns an edge by its name.
func (w *World) edge(name string) *Edge {
	for _, e := range w.Edges {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// ChangeOrigin lets the origin serve something new under the same names, as when an advertisement is exchanged.
func (w *World) ChangeOrigin() {
	w.generation++
	w.Origin.SetGeneration(w.generation)
}

// view asks an edge as a viewer does, and returns the ETag of what it serves.
func (w *World) view(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Host = w.Origin.Address
	resp, err := w.client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return resp.Header.Get("ETag"), nil
}

// segment is the object that viewers look at in the demo.
const segment = "/" + channel + "/v0/seg0.ts"

// Watch lets viewers of every edge fetch the channel once, so that the caches hold it.
func (w *World) Watch(ctx context.Context) error {
	for _, e := range w.Edges {
		for _, path := range []string{"/master.m3u8", "/v0/index.m3u8", "/v0/seg0.ts", "/v0/seg1.ts", "/v0/seg2.ts", "/v1/seg0.ts"} {
			if _, err := w.view(ctx, e.URL+"/"+channel+path); err != nil {
				return fmt.Errorf("a viewer of %s: %w", e.Name, err)
			}
		}
	}
	return nil
}

// current tells whether an edge serves what the origin has, by its ETag, which names the generation.
func (w *World) current(ctx context.Context, edge string) (string, bool, error) {
	got, err := w.view(ctx, w.edge(edge).URL+segment)
	return got, strings.HasPrefix(got, fmt.Sprintf(`"%d-`, w.generation)), err
}

// regulars watch every edge until ctx ends: they ask for segments that are cached.
func (w *World) regulars(ctx context.Context) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.stops = append(w.stops, func() error { cancel(); w.audience.Wait(); return nil })
	for _, e := range w.Edges {
		w.audience.Go(func() {
			w.each(ctx, 25*time.Millisecond, func(n int) string { return fmt.Sprintf("%s/%s/v0/seg%d.ts", e.URL, channel, n%3) })
		})
	}
}

// strangers asks an edge for what nobody has asked for yet, again and again until ctx ends: the hit rate falls.
func (w *World) strangers(ctx context.Context, edge string) {
	w.each(ctx, 5*time.Millisecond, func(n int) string { return fmt.Sprintf("%s%s?unique=%d", w.edge(edge).URL, segment, n) })
}

// each asks for one URL after another until ctx ends.
func (w *World) each(ctx context.Context, every time.Duration, url func(n int) string) {
	t := time.NewTicker(every)
	defer t.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			w.visit(ctx, url(n))
		}
	}
}

// visit takes a connection of its own: Varnish tells the numbers of a busy one late.
func (w *World) visit(ctx context.Context, url string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	req.Host, req.Close = w.Origin.Address, true
	if resp, err := w.client.Do(req); err == nil {
		_, _ = io.Copy(io.Discard, resp.Body) // what it says does not matter
		_ = resp.Body.Close()
	}
}
