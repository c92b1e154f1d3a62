package discord_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door/discord"
	fake "github.com/shitops/opsbot/fixtures/discord"
)

// BenchmarkAck measures how long Discord waits for the acknowledgement of a command while 100 people give commands, the synced write to a
// real store included. It reports the 50th and 99th percentile in milliseconds.
func BenchmarkAck(b *testing.B) {
	for _, mode := range []discord.Mode{discord.Gateway, discord.HTTP} {
		b.Run(string(mode), func(b *testing.B) {
			disk, err := store.Open(store.Options{Dir: filepath.Join(b.TempDir(), "store"), Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = disk.Close(context.Background()) }()
			w := open(b, mode, func(o *fake.Options) { o.Limits.Off = true; o.Heartbeat = 0 }, func(o *discord.Options) {
				o.KV, o.Leader, o.Check = disk.Bucket(store.Dedupe), disk.Leader(), time.Hour
			})
			var next atomic.Int64
			var mu sync.Mutex
			var took []time.Duration
			b.ResetTimer()
			var people sync.WaitGroup
			for range 100 {
				people.Go(func() {
					for next.Add(1) <= int64(b.N) {
						i, err := w.s.Slash(anna, channel, "opsbot", map[string]any{"text": "echo fast"})
						if err != nil {
							b.Error(err)
							return
						}
						d, err := i.Acked(context.Background())
						if err != nil {
							b.Error(err)
							return
						}
						mu.Lock()
						took = append(took, d)
						mu.Unlock()
					}
				})
			}
			people.Wait()
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2])/1e6, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100])/1e6, "p99-ms")
			b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "commands/s")
			w.stop()
		})
	}
}
