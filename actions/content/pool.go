package content

import (
	"errors"
	"fmt"
	"sync"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/internal/secret"
)

// open returns the driver of one cache over the shared client.
func (c *Content) open(n actions.Node, ca actions.Cache) (cache.Driver, error) {
	cfg := cache.Config{Node: n.Name, Name: ca.Name, Kind: cache.Kind(ca.Kind), URL: ca.URL, AdminAddress: ca.AdminAddress,
		SecretFile: ca.AdminSecretFile, StatsDir: ca.StatsDir, Settle: ca.Settle}
	if ca.AdminSecretFile != "" {
		cfg.Secret = func() ([]byte, error) { return readSecret(ca.AdminSecretFile) }
	}
	return cache.Open(cfg, cache.Options{Client: c.opts.Client, Log: c.opts.Log})
}

// readSecret reads the file at every login, so that a rotated secret needs no reload.
func readSecret(path string) ([]byte, error) {
	s, err := secret.Source{File: path}.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSecretFile, err)
	}
	return s.Reveal(), nil
}

var (
	errSecretFile = errors.New("read the secret file")
	errClosed     = errors.New("the pool of cache drivers is closed")
)

// pool keeps one driver a cache. A cache that is configured otherwise gets a new one; the old one is closed by its last user.
type pool struct {
	open func(actions.Node, actions.Cache) (cache.Driver, error)

	mu     sync.Mutex
	closed bool
	held   map[string]*lent // by node and cache
}

type lent struct {
	driver  cache.Driver
	as      actions.Cache // what it was opened with
	users   int
	retired bool
}

func newPool(open func(actions.Node, actions.Cache) (cache.Driver, error)) *pool {
	return &pool{open: open, held: map[string]*lent{}}
}

// take lends a driver until release is called.
func (p *pool) take(n actions.Node, ca actions.Cache) (d cache.Driver, release func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, errClosed
	}
	key := n.Name + "/" + ca.Name
	l := p.held[key]
	if l != nil && l.as != ca {
		l.retired = true
		p.tidy(l)
		l = nil
	}
	if l == nil {
		d, err := p.open(n, ca) // connects to nothing, so the lock is held for microseconds
		if err != nil {
			return nil, nil, err
		}
		l = &lent{driver: d, as: ca}
		p.held[key] = l
	}
	l.users++
	return l.driver, sync.OnceFunc(func() { p.giveBack(l) }), nil
}

func (p *pool) giveBack(l *lent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.users--
	p.tidy(l)
}

// tidy closes a driver that nobody uses and nobody will.
func (p *pool) tidy(l *lent) {
	if l.retired && l.users == 0 {
		_ = l.driver.Close() // its successor is in use; nothing is lost with these connections
	}
}

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	var errs []error
	for _, l := range p.held {
		errs = append(errs, l.driver.Close())
	}
	return errors.Join(errs...)
}
