package bot

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/cache"
)

// cacheOf finds the cache whose counters can be read here.
func (p *program) cacheOf(node, name string) (cache.Config, error) {
	return p.findCache(node, name, func(c actions.Cache) bool { return c.StatsDir != "" },
		"the configuration does not say where the counters of its cache are (stats.varnishstat)")
}

// cacheNamed finds a cache that viewers may be sent to.
func (p *program) cacheNamed(node, name string) (cache.Config, error) {
	return p.findCache(node, name, func(actions.Cache) bool { return true }, "it has no cache")
}

// findCache finds the cache of that name or, without a name, the only one that fits. lacks says what is the matter where none does.
func (p *program) findCache(node, name string, fits func(actions.Cache) bool, lacks string) (cache.Config, error) {
	cfg, err := p.checkedConfig()
	if err != nil {
		return cache.Config{}, err
	}
	for _, n := range cfg.Nodes() {
		if n.Name != node {
			continue
		}
		var found []actions.Cache
		var names []string
		for _, c := range n.Caches {
			if names = append(names, c.Name); name == c.Name || name == "" && fits(c) {
				found = append(found, c)
			}
		}
		switch {
		case len(found) > 1:
			return cache.Config{}, fmt.Errorf("%s has the caches %s: say which by --cache", node, strings.Join(names, ", "))
		case len(found) == 0 && name != "":
			return cache.Config{}, fmt.Errorf("%s has no cache %s, it has %s", node, name, strings.Join(names, ", "))
		case len(found) == 0:
			return cache.Config{}, fmt.Errorf("%s: %s", node, lacks)
		}
		c := found[0]
		conf := cache.Config{Node: n.Name, Name: c.Name, Kind: cache.Kind(c.Kind), URL: c.URL, StatsDir: c.StatsDir}
		if key, err := cfg.CacheSecret(node, c.Name).Read(); err == nil { // monitoring need not be allowed to: then flushes are not known
			conf.AdminAddress, conf.Secret = c.AdminAddress, func() ([]byte, error) { return key.Reveal(), nil }
		}
		return conf, nil
	}
	return cache.Config{}, fmt.Errorf("the inventory of %s has no node %s", filepath.Base(p.configPath), node)
}

// checkedConfig reads the configuration; what is wrong with it is told in one line.
func (p *program) checkedConfig() (*config.Config, error) {
	cfg, err := p.loadConfig()
	if err != nil {
		return nil, errors.New(firstLine(err.Error()))
	}
	return cfg, nil
}

// channelURL is the URL of a playlist, as it was given or by the name of a deployment.
func (p *program) channelURL(channel string) (string, error) {
	if strings.Contains(channel, "/") {
		return channel, nil
	}
	cfg, err := p.checkedConfig()
	if err != nil {
		return "", err
	}
	for _, d := range cfg.Deployments() {
		if d.Name == channel {
			return d.Origin, nil
		}
	}
	return "", fmt.Errorf("the inventory of %s has no deployment %s, and a URL has slashes", filepath.Base(p.configPath), channel)
}
