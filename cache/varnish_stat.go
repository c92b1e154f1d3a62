package cache

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// statTimeout bounds varnishstat's own wait for a varnishd that is away, in seconds (varnishstat -t).
const statTimeout = "1"

// Stats implements Driver by running varnishstat, which reads varnishd's shared memory: it works on the node itself alone.
func (v *varnish) Stats(ctx context.Context) (Counters, error) {
	if v.cfg.StatsDir == "" {
		return Counters{}, v.fail("stats", "", fmt.Errorf("%w: no varnishstat directory configured", ErrUnsupported))
	}
	ctx, cancel := context.WithTimeout(ctx, v.opts.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "varnishstat", "-n", v.cfg.StatsDir, "-t", statTimeout, "-j")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, &stderr, time.Second
	if err := cmd.Run(); err != nil {
		return Counters{}, v.fail("stats", v.cfg.StatsDir, statError(ctx, err, stderr.String()))
	}
	c, err := parseVarnishstat(stdout.Bytes())
	if err != nil {
		return Counters{}, v.fail("stats", v.cfg.StatsDir, err)
	}
	c.At = time.Now()
	return c, nil
}

func statError(ctx context.Context, err error, stderr string) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: varnishstat: %w: %s", ErrDown, err, firstLine(stderr))
}

// statCounter is one counter of varnishstat -j.
type statCounter struct {
	Value uint64 `json:"value"`
}

// parseVarnishstat reads both shapes of varnishstat -j: counters at the top (up to 6.4) and below "counters" (6.5 and later).
func parseVarnishstat(body []byte) (Counters, error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(body, &top); err != nil {
		return Counters{}, fmt.Errorf("varnishstat: %w", err)
	}
	if nested, ok := top["counters"]; ok {
		top = nil
		if err := json.Unmarshal(nested, &top); err != nil {
			return Counters{}, fmt.Errorf("varnishstat: %w", err)
		}
	}
	if _, ok := top["MAIN.uptime"]; !ok {
		if _, ok := top["MGT.uptime"]; ok {
			return Counters{}, fmt.Errorf("%w: varnishstat shows no worker process", ErrDown)
		}
		return Counters{}, fmt.Errorf("%w: varnishstat shows no MAIN.uptime", ErrNoSignature)
	}
	c := Counters{
		Hits:        statValue(top, "MAIN.cache_hit"),
		Grace:       statValue(top, "MAIN.cache_hit_grace"),
		Misses:      statValue(top, "MAIN.cache_miss"),
		HitPass:     statValue(top, "MAIN.cache_hitpass"),
		HitMiss:     statValue(top, "MAIN.cache_hitmiss"),
		Requests:    statValue(top, "MAIN.client_req"),
		Objects:     statValue(top, "MAIN.n_object"),
		Bans:        statValue(top, "MAIN.bans"),
		Evictions:   statValue(top, "MAIN.n_lru_nuked"),
		BackendFail: statValue(top, "MAIN.backend_fail"),
		FetchFail:   statValue(top, "MAIN.fetch_failed"),
		Uptime:      time.Duration(statValue(top, "MAIN.uptime")) * time.Second,
		Starts:      statValue(top, "MGT.child_start"),
		Deaths:      statValue(top, "MGT.child_died") + statValue(top, "MGT.child_panic"),
		Source:      "varnishstat",
	}
	return c, nil
}

// statValue returns 0 for a counter that this version does not have.
func statValue(counters map[string]json.RawMessage, name string) uint64 {
	raw, ok := counters[name]
	if !ok {
		return 0
	}
	var c statCounter
	if json.Unmarshal(raw, &c) != nil {
		return 0
	}
	return c.Value
}
