package bot_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/shitops/opsbot/actions/store"
)

// BenchmarkStart is the time from the start of the process to the answer of its socket, on an empty store and on one with 100,000 keys.
func BenchmarkStart(b *testing.B) {
	for _, keys := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			dir := folder(b)
			p := &process{tb: b, dir: dir, file: configure(b, dir, quiet)}
			fill(b, filepath.Join(dir, "data", "store"), keys)
			for b.Loop() {
				p.serve()
				b.StopTimer()
				p.term()
				b.StartTimer()
			}
		})
	}
}

// fill writes keys as observed state.
func fill(b *testing.B, dir string, keys int) {
	b.Helper()
	if keys == 0 {
		return
	}
	s, err := store.Open(store.Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	kv, value := s.Bucket(store.Observed), []byte(strings.Repeat("x", 300))
	var g errgroup.Group
	g.SetLimit(64)
	for i := range keys {
		g.Go(func() error {
			_, err := kv.Create(context.Background(), fmt.Sprintf("node-%d", i), value)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkIdle tells the resident memory and the processor share of a bot that nobody speaks to, measured over five seconds a round.
func BenchmarkIdle(b *testing.B) {
	dir := folder(b)
	p := &process{tb: b, dir: dir, file: configure(b, dir, quiet)}
	p.serve()
	defer p.term()
	var used time.Duration
	var watched time.Duration
	for b.Loop() {
		before, begun := p.cpu(), time.Now()
		pause(context.Background(), 5*time.Second)
		used += p.cpu() - before
		watched += time.Since(begun)
	}
	b.ReportMetric(100*used.Seconds()/watched.Seconds(), "%core")
	b.ReportMetric(p.residentMiB(), "MiB")
}

// cpu returns the processor time of the process so far (proc(5): utime and stime in ticks of 10 ms).
func (p *process) cpu() time.Duration {
	p.tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.tb.Fatal(err)
	}
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks int64
	for _, field := range f[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			p.tb.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// residentMiB returns the resident memory of the process.
func (p *process) residentMiB() float64 {
	p.tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		p.tb.Fatal(err)
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	if err != nil {
		p.tb.Fatal(err)
	}
	return pages * float64(os.Getpagesize()) / (1 << 20)
}
