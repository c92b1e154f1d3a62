package config

import (
	"fmt"
	"os/user"
	"strings"

	"github.com/shitops/opsbot/internal/secret"
)

// CheckMachine looks for what only this machine can tell: whether secrets can be read and groups exist. Nothing is kept of what it reads. The
// answers may differ for another user, so let the one ask who will run the bot.
func (c *Config) CheckMachine() Mistakes {
	var out Mistakes
	say := func(key string, err error) {
		m, ok := c.places[key]
		if !ok {
			m = Mistake{File: c.File, Key: key}
		}
		m.Say = clipTo(secret.Scrub(err.Error()), 300)
		out = append(out, m)
	}
	if g := c.Socket.Group; g != "" {
		if _, err := user.LookupGroup(g); err != nil {
			say("socket.group", fmt.Errorf("there is no group %s on this machine; create it (groupadd --system %s) or leave the key out", quote(g), clip(g)))
		}
	}
	for i, n := range c.Inventory.Nodes {
		for j, k := range n.Caches {
			s := k.Admin.Secret
			if s.IsZero() {
				continue
			}
			if _, err := s.Read(); err != nil {
				say(fmt.Sprintf("inventory.nodes[%d].caches[%d].admin.secret_%s", i, j, partOf(s)), err)
			}
		}
	}
	return inOrder(out)
}

// partOf returns the end of the key that a source was written with.
func partOf(s secret.Source) string {
	switch {
	case s.Env != "":
		return "env"
	case s.Credential != "":
		return "credential"
	}
	return "file"
}

// places returns where the keys of secrets and groups stand.
func (d *decoder) places() map[string]Mistake {
	out := map[string]Mistake{}
	for key, n := range d.at {
		if strings.Contains(key, ".secret_") || key == "socket.group" {
			out[key] = d.mistake(n, key, "")
		}
	}
	return out
}
