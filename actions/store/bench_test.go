package store_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// benched opens a store for a benchmark.
func benched(b *testing.B) *store.Engine {
	b.Helper()
	e, err := store.Open(store.Options{Dir: filepath.Join(b.TempDir(), "store"), Log: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return e
}

// clients runs b.N operations over n goroutines.
func clients(b *testing.B, n int, op func(client, i int) error) {
	b.Helper()
	var next atomic.Int64
	b.SetParallelism(max(1, n/runtime.GOMAXPROCS(0)))
	var id atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		me := int(id.Add(1))
		for pb.Next() {
			if err := op(me, int(next.Add(1))); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

// BenchmarkCAS creates keys of 300 bytes, each write synced: one stream (inventory) against the sharded bucket (runs).
func BenchmarkCAS(b *testing.B) {
	value := make([]byte, 300)
	for _, bucket := range []string{store.Inventory, store.Runs} {
		for _, n := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s/%d", bucket, n), func(b *testing.B) {
				kv := benched(b).Bucket(bucket)
				clients(b, n, func(_, i int) error {
					_, err := kv.Create(context.Background(), "r-"+strconv.Itoa(i), value)
					return err
				})
			})
		}
	}
}

// BenchmarkRun is what a run of six steps costs in journaling: publish, claim, six saves, acknowledge.
func BenchmarkRun(b *testing.B) {
	value := make([]byte, 600)
	for _, n := range []int{1, 16, 64} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			e := benched(b)
			kv, queue, ctx := e.Bucket(store.Runs), e.Queue(), context.Background()
			clients(b, n, func(_, i int) error {
				if _, _, err := queue.Publish(ctx, "run-"+strconv.Itoa(i), value); err != nil {
					return err
				}
				got, err := queue.Pull(ctx, 1)
				if err != nil {
					return err
				}
				revision, err := kv.Create(ctx, fmt.Sprintf("r-%d", got[0].Sequence()), value)
				for range 6 {
					if err != nil {
						return err
					}
					revision, err = kv.Update(ctx, fmt.Sprintf("r-%d", got[0].Sequence()), value, revision)
				}
				if err != nil {
					return err
				}
				return got[0].Ack(ctx)
			})
		})
	}
}

// BenchmarkGet reads one key.
func BenchmarkGet(b *testing.B) {
	kv := benched(b).Bucket(store.Desired)
	if _, err := kv.Create(context.Background(), "k", make([]byte, 300)); err != nil {
		b.Fatal(err)
	}
	clients(b, 16, func(int, int) error {
		_, err := kv.Get(context.Background(), "k")
		return err
	})
}

// BenchmarkWatch measures from a write to its event.
func BenchmarkWatch(b *testing.B) {
	ctx := b.Context()
	kv := benched(b).Bucket(store.Runs)
	changes, err := kv.Watch(ctx, "")
	if err != nil {
		b.Fatal(err)
	}
	<-changes
	for i := 0; b.Loop(); i++ {
		if _, err := kv.Create(ctx, "k-"+strconv.Itoa(i), nil); err != nil {
			b.Fatal(err)
		}
		<-changes
	}
}

// BenchmarkOpen opens an empty store, then one with 100,000 keys after a clean stop.
func BenchmarkOpen(b *testing.B) {
	for _, keys := range []int{0, 100_000} {
		b.Run(strconv.Itoa(keys), func(b *testing.B) {
			dir := filepath.Join(b.TempDir(), "store")
			fill(b, dir, keys)
			for b.Loop() {
				e, err := store.Open(store.Options{Dir: dir, Log: quiet()})
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if keys > 0 {
					b.ReportMetric(float64(resident(b))/1e6, "MB-resident")
				}
				if err := e.Close(context.Background()); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
	b.Run("first", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			e, err := store.Open(store.Options{Dir: filepath.Join(b.TempDir(), strconv.Itoa(i)), Log: quiet()})
			if err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if err := e.Close(context.Background()); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
}

// Benchmark100k reads, exports, checks and imports 100,000 keys of 300 bytes.
func Benchmark100k(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "store")
	fill(b, dir, 100_000)
	e, err := store.Open(store.Options{Dir: dir, Log: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			if all, err := e.Bucket(store.Runs).List(ctx, ""); err != nil || len(all) != 100_000 {
				b.Fatal(len(all), err)
			}
		}
	})
	var text bytes.Buffer
	b.Run("export", func(b *testing.B) {
		for b.Loop() {
			text.Reset()
			if _, err := e.Export(ctx, &text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if c, err := e.CheckAgainst(ctx, bytes.NewReader(text.Bytes())); err != nil || len(c.Missing) > 0 {
				b.Fatal(c, err)
			}
		}
	})
	if err := e.Close(ctx); err != nil {
		b.Fatal(err)
	}
	b.Run("import", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			o := store.Options{Dir: filepath.Join(b.TempDir(), strconv.Itoa(i)), Log: quiet()}
			if _, err := store.Import(ctx, o, bytes.NewReader(text.Bytes())); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkIdle reports what an open store that nobody uses costs over five seconds.
func BenchmarkIdle(b *testing.B) {
	benched(b)
	for b.Loop() {
		before := cpu(b)
		time.Sleep(5 * time.Second)
		b.ReportMetric(100*(cpu(b)-before).Seconds()/5, "%core")
		b.ReportMetric(float64(resident(b))/1e6, "MB-resident")
	}
}

// resident returns the resident memory of this process in bytes.
func resident(b *testing.B) int64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("no /proc")
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// fill makes a store with n keys of 300 bytes in the bucket of runs.
func fill(tb testing.TB, dir string, n int) {
	tb.Helper()
	e, err := store.Open(store.Options{Dir: dir, Log: quiet()})
	if err != nil {
		tb.Fatal(err)
	}
	next := make(chan int)
	done := make(chan error)
	for range 64 {
		go func() {
			var err error
			for i := range next {
				if err == nil {
					_, err = e.Bucket(store.Runs).Create(context.Background(), "r-"+strconv.Itoa(i), make([]byte, 300))
				}
			}
			done <- err
		}()
	}
	for i := range n {
		next <- i
	}
	close(next)
	for range 64 {
		if err := <-done; err != nil {
			tb.Fatal(err)
		}
	}
	if err := e.Close(context.Background()); err != nil {
		tb.Fatal(err)
	}
}
