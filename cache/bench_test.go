package cache_test

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/fixtures/hls"
	"github.com/shitops/opsbot/internal/lab"
)

// BenchmarkCLI is one round trip to a real Varnish: look into the list of bans, add one, a mark each.
func BenchmarkCLI(b *testing.B) {
	w := own(b, lab.VarnishOptions{})
	d := w.driver(b, func(c *cache.Config) { c.StatsDir = "" })
	b.Run("flush", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n++
			if _, err := d.Flush(context.Background(), fmt.Sprintf("bench/%s/%d/%d", b.Name(), b.N, n)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("flush repeated", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Flush(context.Background(), "bench/repeated"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("health", func(b *testing.B) {
		for b.Loop() {
			if h, err := d.Health(context.Background()); err != nil || !h.OK {
				b.Fatal(h, err)
			}
		}
	})
}

// BenchmarkPeers is what a person has without us: the same jobs by varnishadm and curl, on the same servers.
func BenchmarkPeers(b *testing.B) {
	lab.Need(b, "curl", "varnishadm")
	w := own(b, lab.VarnishOptions{Storage: "malloc,64m"})
	d := w.driver(b)
	run := func(b *testing.B, name string, args ...string) {
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			b.Fatalf("%s: %v: %s", name, err, out)
		}
	}
	b.Run("flush by varnishadm", func(b *testing.B) {
		for b.Loop() {
			run(b, "varnishadm", "-T", w.edge.AdminAddress, "-S", w.edge.SecretFile, "ban", "obj.status", "!=", "0")
		}
	})
	b.Run("purge by curl", func(b *testing.B) {
		for b.Loop() {
			run(b, "curl", "-sS", "-o", "/dev/null", "-X", "PURGE", w.edge.URL+"/news/v0/seg0.ts")
		}
	})
	list := filepath.Join(b.TempDir(), "urls")
	var text strings.Builder
	for _, o := range w.walk(b, "/load/master.m3u8").Objects {
		fmt.Fprintf(&text, "url = %s\noutput = /dev/null\n", strings.Replace(o.URL, w.origin.URL, w.edge.URL, 1))
	}
	if err := os.WriteFile(list, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	b.Run("prime cold by curl --parallel", func(b *testing.B) {
		n := 0
		for b.Loop() {
			b.StopTimer()
			n++
			if _, err := d.Flush(context.Background(), fmt.Sprintf("peer/%d/%d", b.N, n)); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			run(b, "curl", "-sS", "--parallel", "--parallel-max", "32", "-K", list)
		}
	})
}

// BenchmarkPurge is one PURGE of a real Varnish over a kept connection.
func BenchmarkPurge(b *testing.B) {
	w := own(b, lab.VarnishOptions{})
	d := w.driver(b)
	b.Run("once", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Purge(context.Background(), w.origin.URL+"/news/v0/seg0.ts", false); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("proved without settling", func(b *testing.B) {
		for b.Loop() {
			r, err := cache.PurgeProved(context.Background(), d, []string{w.origin.URL + "/news/v0/seg0.ts"}, cache.ProofOptions{Settle: time.Nanosecond})
			if err != nil || r[0].Result.Verified != cache.Fresh {
				b.Fatal(r, err)
			}
		}
	})
}

// BenchmarkFleet purges one URL on 1,000 sound nodes: cold with new connections, warm over kept ones, verified twice with a look.
func BenchmarkFleet(b *testing.B) {
	f := newFleet(b, 1000)
	all := f.drivers(b)
	var sound []cache.Driver
	for i := range all {
		sound = append(sound, all[i-i%100+10+i%90]) // no broken ones, as many
	}
	purge := func(b *testing.B) {
		each(sound, 64, func(_ int, d cache.Driver) {
			if _, err := d.Purge(context.Background(), fleetOrigin+"/a.ts", false); err != nil {
				b.Error(err)
			}
		})
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			f.client.CloseIdleConnections()
			b.StartTimer()
			purge(b)
		}
	})
	b.Run("warm", func(b *testing.B) {
		for b.Loop() {
			purge(b)
		}
	})
	b.Run("proved", func(b *testing.B) {
		opt := cache.ProofOptions{Origin: cache.Origin{Client: f.client}, Settle: time.Nanosecond}
		for b.Loop() {
			each(sound, 64, func(_ int, d cache.Driver) {
				if r, err := cache.PurgeProved(context.Background(), d, []string{fleetOrigin + "/a.ts"}, opt); err != nil || r[0].Err != nil {
					b.Error(r, err)
				}
			})
		}
	})
}

// BenchmarkPrime fills a real Varnish with 1,000 objects of 16 KiB, cold and again, and verifies that all are hits.
func BenchmarkPrime(b *testing.B) {
	w := own(b, lab.VarnishOptions{Storage: "malloc,64m"})
	d := w.driver(b)
	objects := w.walk(b, "/load/master.m3u8").Objects
	prime := func(b *testing.B) {
		if r, err := cache.Prime(context.Background(), d.Edge(), objects, cache.PrimeOptions{Conns: 32}); err != nil || !r.OK() {
			b.Fatal(r, err)
		}
	}
	b.Run("cold", func(b *testing.B) {
		n := 0
		for b.Loop() {
			b.StopTimer()
			n++
			if _, err := d.Flush(context.Background(), fmt.Sprintf("bench/%d/%d", b.N, n)); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			prime(b)
		}
	})
	b.Run("warm", func(b *testing.B) {
		for b.Loop() {
			prime(b)
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if r, err := cache.Verify(context.Background(), d.Edge(), cache.Origin{}, objects, cache.VerifyOptions{Conns: 32}); err != nil || r.Stale+r.Failed > 0 {
				b.Fatal(r, err)
			}
		}
	})
}

// BenchmarkScanPlaylist reads a small playlist, and that of a day.
func BenchmarkScanPlaylist(b *testing.B) {
	small, err := fs.ReadFile(hls.Files(), "ll/index.m3u8")
	if err != nil {
		b.Fatal(err)
	}
	day := []byte("#EXTM3U\n" + strings.Repeat("#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:00:00.000Z\n#EXTINF:2.000,\nseg0.ts\n", 43_200))
	base := &url.URL{Scheme: "http", Host: "o.example", Path: "/a/index.m3u8"}
	for name, text := range map[string][]byte{"low latency": small, "a day": day} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := cache.ScanPlaylist(text, base, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkWalk walks a channel of 31 URLs on an origin nearby.
func BenchmarkWalk(b *testing.B) {
	origin := lab.NewOrigin(b, originOptions())
	client := cache.NewClient()
	defer client.CloseIdleConnections()
	for b.Loop() {
		if w, err := cache.Walk(context.Background(), client, origin.URL+"/fmp4/master_full.m3u8", cache.WalkOptions{}); err != nil || len(w.Objects) != 31 {
			b.Fatal(w, err)
		}
	}
}
