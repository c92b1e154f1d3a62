package lab

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Child returns the process id of the worker.
func (v *Varnish) Child(ctx context.Context) (int, error) {
	out, err := v.Admin(ctx, "pid")
	if err != nil {
		return 0, err
	}
	for line := range strings.SplitSeq(out, "\n") {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "Worker:"); ok {
			return strconv.Atoi(strings.TrimSpace(rest))
		}
	}
	return 0, fmt.Errorf("varnishd has no worker: %s", strings.TrimSpace(out))
}

// KillChild kills the worker with SIGKILL and waits until varnishd has started another, with an empty cache and counters at zero.
func (v *Varnish) KillChild(ctx context.Context) error {
	old, err := v.Child(ctx)
	if err != nil {
		return err
	}
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill varnish worker %d: %w", old, err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("varnish worker %d was killed and none followed: %w", old, ctx.Err())
		case <-t.C:
			if pid, err := v.Child(ctx); err == nil && pid != old {
				if out, err := v.Admin(ctx, "status"); err == nil && strings.Contains(out, "running") {
					return nil
				}
			}
		}
	}
}

// StopChild stops the worker and leaves the master: viewers are refused, the management port answers. Admin("start") ends that.
func (v *Varnish) StopChild(ctx context.Context) error {
	_, err := v.Admin(ctx, "stop")
	return err
}
