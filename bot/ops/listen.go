package ops

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Listener is one address and the groups of routes that it serves.
type Listener struct {
	Address string // host:port; port 0 takes a free one
	Groups  []string
}

// Network is everything that Listen needs.
type Network struct {
	Listeners []Listener
	Routes    map[string]http.Handler // by group
	Body      int64                   // most bytes of a request body, 256 KiB when zero
	Log       *slog.Logger            // without one nothing is logged
}

// Deadlines of the listeners. The answer may take longer than /debug/pprof/profile?seconds=60.
const (
	headTimeout  = 5 * time.Second
	readTimeout  = 30 * time.Second
	writeTimeout = 90 * time.Second
	idleTimeout  = 2 * time.Minute
)

// prefixes are the paths of each group; no path belongs to two groups, so that groups can share an address.
func prefixes(group string) []string {
	switch group {
	case "hooks":
		return []string{"/slack/", "/discord/", "/icinga/"}
	case "viewers":
		return []string{"/profiles/"}
	case "console":
		return []string{"/console", "/console/"}
	case "ops":
		return []string{"/livez", "/readyz", "/metrics", "/debug/pprof/"}
	default:
		return nil
	}
}

// Servers are listeners at work.
type Servers struct {
	servers []*http.Server
	addrs   map[string]net.Addr // by group; the first address that serves it
	failed  chan error
	work    sync.WaitGroup
}

// Listen opens every address, or none. Ctx bounds the start alone.
func Listen(ctx context.Context, n Network) (*Servers, error) {
	if n.Log == nil {
		n.Log = slog.New(slog.DiscardHandler)
	}
	if n.Body == 0 {
		n.Body = 256 << 10
	}
	s := &Servers{addrs: map[string]net.Addr{}, failed: make(chan error, len(n.Listeners))}
	var open []net.Listener
	for _, l := range n.Listeners {
		server, err := n.server(l)
		if err == nil {
			var nl net.Listener
			nl, err = (&net.ListenConfig{}).Listen(ctx, "tcp", l.Address)
			if err == nil {
				open = append(open, nl)
				s.servers = append(s.servers, server)
				s.note(l, nl.Addr())
			}
		}
		if err != nil {
			for _, nl := range open {
				err = errors.Join(err, nl.Close())
			}
			return nil, fmt.Errorf("listen for %s: %w", strings.Join(l.Groups, ", "), err)
		}
	}
	for i, nl := range open {
		s.work.Go(func() {
			if err := s.servers[i].Serve(nl); !errors.Is(err, http.ErrServerClosed) {
				s.failed <- fmt.Errorf("serve %s: %w", nl.Addr(), err)
			}
		})
	}
	return s, nil
}

func (s *Servers) note(l Listener, a net.Addr) {
	for _, g := range l.Groups {
		if s.addrs[g] == nil {
			s.addrs[g] = a
		}
	}
}

// server puts the groups of one address together.
func (n Network) server(l Listener) (*http.Server, error) {
	mux := http.NewServeMux()
	for _, g := range slices.Compact(slices.Sorted(slices.Values(l.Groups))) {
		h := n.Routes[g]
		if h == nil || prefixes(g) == nil {
			known := slices.Sorted(maps.Keys(n.Routes))
			return nil, fmt.Errorf("there is no route group %q here (there are: %s)", g, strings.Join(known, ", "))
		}
		for _, p := range prefixes(g) {
			mux.Handle(p, h)
		}
	}
	return &http.Server{
		Handler:           http.MaxBytesHandler(mux, n.Body),
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(n.Log.Handler(), slog.LevelWarn),
	}, nil
}

// Addr returns the address that serves a group, or "" when none does.
func (s *Servers) Addr(group string) string {
	if a := s.addrs[group]; a != nil {
		return a.String()
	}
	return ""
}

// Failed sends an error for every address that stopped listening by itself.
func (s *Servers) Failed() <-chan error { return s.failed }

// Stop lets nobody new in and waits for the requests under way, at most until ctx ends; what is then still under way is cut off.
func (s *Servers) Stop(ctx context.Context) error {
	errs := make([]error, len(s.servers))
	var wg sync.WaitGroup
	for i, server := range s.servers {
		wg.Go(func() {
			if err := server.Shutdown(ctx); err != nil {
				errs[i] = errors.Join(fmt.Errorf("stop a listener: %w", err), server.Close())
			}
		})
	}
	wg.Wait()
	s.work.Wait()
	return errors.Join(errs...)
}
