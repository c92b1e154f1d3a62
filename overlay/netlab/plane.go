//go:build linux

package netlab

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/overlay/kernel"
)

// NewKernel opens the kernel of a node, marked as of the instance test, until the test ends.
func NewKernel(t testing.TB, n *Space) *kernel.Plane {
	t.Helper()
	p, err := kernel.New(kernel.Options{Node: n.Name, Instance: "test", VTEP: n.Addr, Namespace: n.Path, Endpoints: n.Endpoints})
	if err != nil {
		t.Fatalf("open the kernel of %s: %v", n.Name, err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close the plane of %s: %v", n.Name, err)
		}
	})
	return p
}

// StartProber lets a kernel answer probes, and ask, until the returned function is called, or the test ends.
func StartProber(t testing.TB, o kernel.Options) (*kernel.Prober, func()) {
	t.Helper()
	p, err := kernel.NewProber(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := p.Run(ctx); err != nil {
			t.Errorf("prober of %s: Run() = %v", o.Node, err)
		}
	})
	stop := sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := p.Close(); err != nil {
			t.Errorf("prober of %s: Close() = %v", o.Node, err)
		}
	})
	t.Cleanup(stop)
	return p, stop
}

// Watch listens to a plane's watch until the test ends; what it tells comes out of the channel.
func Watch(t testing.TB, p interface {
	Watch(ctx context.Context, debounce time.Duration, notify func()) error
}, debounce time.Duration) <-chan struct{} {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	told := make(chan struct{}, 100)
	var watching sync.WaitGroup
	watching.Go(func() {
		if err := p.Watch(ctx, debounce, func() { told <- struct{}{} }); err != nil {
			t.Errorf("Watch() = %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		watching.Wait()
	})
	return told
}
