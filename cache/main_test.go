package cache_test

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/fixtures/hls"
	"github.com/shitops/opsbot/internal/lab"
)

// TestMain stops the Varnish that tests share, and looks for goroutines that nobody waited for.
func TestMain(m *testing.M) {
	code := m.Run()
	sharedStop()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// world is an origin, a Varnish in front of it, and a driver.
type world struct {
	origin *lab.Origin
	edge   *lab.Varnish
}

var (
	sharedMu    sync.Mutex
	sharedWorld *world
	sharedErr   error
)

// shared returns the world of tests that flush nothing and break nothing: a start takes seconds. Each test uses a Host of its own,
// which makes its objects its own.
func shared(t testing.TB) *world {
	t.Helper()
	lab.Need(t, "varnishd", "varnishadm", "varnishstat", "cc")
	sharedMu.Lock()
	defer sharedMu.Unlock()
	if sharedWorld == nil && sharedErr == nil {
		sharedWorld, sharedErr = newWorld(context.Background())
	}
	if sharedErr != nil {
		t.Fatal(sharedErr)
	}
	return sharedWorld
}

func newWorld(ctx context.Context) (*world, error) {
	origin, err := lab.StartOrigin(ctx, originOptions())
	if err != nil {
		return nil, err
	}
	edge, err := lab.StartVarnish(ctx, lab.VarnishOptions{Origin: origin.Address, Storage: "malloc,128m"})
	if err != nil {
		return nil, err
	}
	return &world{origin: origin, edge: edge}, nil
}

func sharedStop() {
	sharedMu.Lock()
	defer sharedMu.Unlock()
	if sharedWorld == nil {
		return
	}
	if err := sharedWorld.edge.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := sharedWorld.origin.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

func originOptions() lab.OriginOptions {
	return lab.OriginOptions{Files: hls.Files(), Channels: []lab.Channel{
		{Name: "news", Variants: 2, Segments: 10, Bytes: 4 << 10},
		{Name: "sport", Variants: 2, Segments: 5, Bytes: 4 << 10, Live: true},
		{Name: "load", Variants: 1, Segments: 1000, Bytes: 16 << 10},
	}}
}

// own returns a world of the test's own, to flush, kill and halt.
func own(t testing.TB, opt lab.VarnishOptions) *world {
	t.Helper()
	origin := lab.NewOrigin(t, originOptions())
	opt.Origin = origin.Address
	return &world{origin: origin, edge: lab.NewVarnish(t, opt)}
}

// driver opens the world's Varnish. change, if any, is applied to the configuration.
func (w *world) driver(t testing.TB, change ...func(*cache.Config)) cache.Driver {
	t.Helper()
	cfg := cache.Config{
		Node: "edge-1", Name: "front", Kind: cache.Varnish, URL: w.edge.URL,
		AdminAddress: w.edge.AdminAddress, SecretFile: w.edge.SecretFile, StatsDir: w.edge.StatsDir,
		Secret: func() ([]byte, error) { return os.ReadFile(w.edge.SecretFile) },
		Host:   strings.ToLower(path.Base(t.Name())) + ".example",
	}
	for _, c := range change {
		c(&cfg)
	}
	client := cache.NewClient()
	d, err := cache.Open(cfg, cache.Options{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		client.CloseIdleConnections()
	})
	return d
}

// walk lists a channel of the world's origin.
func (w *world) walk(t testing.TB, master string) cache.Walked {
	t.Helper()
	client := cache.NewClient()
	t.Cleanup(client.CloseIdleConnections)
	walked, err := cache.Walk(t.Context(), client, w.origin.URL+master, cache.WalkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(walked.Problems) > 0 || len(walked.Refused) > 0 {
		t.Fatalf("Walk(%s): problems %v, refused %v", master, walked.Problems, walked.Refused)
	}
	return walked
}
