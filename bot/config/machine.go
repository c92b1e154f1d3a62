package config

import (
	"crypto/x509"
	"fmt"
	"os"
	"os/user"
	"regexp"

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
	for _, one := range c.secrets() {
		if one.source.IsZero() {
			continue
		}
		if _, err := one.source.Read(); err != nil {
			say(one.key+"_"+partOf(*one.source), err)
		}
	}
	if f := c.Icinga.CAFile; f != "" {
		if err := checkCertificates(f); err != nil {
			say("icinga.ca_file", err)
		}
	}
	if _, err := c.WhoIsOnCall(); err != nil {
		say("oncall.calendar.file", err)
	}
	return inOrder(out)
}

// place is where a secret lies, with the beginning of its three keys.
type place struct {
	key    string
	source *secret.Source
}

// secrets returns the places of all secrets, given or not.
func (c *Config) secrets() []place {
	var out []place
	for i := range c.Inventory.Nodes {
		for j := range c.Inventory.Nodes[i].Caches {
			out = append(out, place{fmt.Sprintf("inventory.nodes[%d].caches[%d].admin.secret", i, j), &c.Inventory.Nodes[i].Caches[j].Admin.Secret})
		}
	}
	out = append(out, place{"icinga.password", &c.Icinga.Password}, place{"store.export.passphrase", &c.Store.Export.Passphrase})
	for i := range c.Icinga.Notifications {
		n, key := &c.Icinga.Notifications[i], fmt.Sprintf("icinga.notifications[%d]", i)
		out = append(out, place{key + ".bearer", &n.Bearer})
		for j := range n.HMAC {
			out = append(out, place{fmt.Sprintf("%s.hmac[%d].secret", key, j), &n.HMAC[j].Secret})
		}
	}
	for i := range c.Slack {
		s, key := &c.Slack[i], fmt.Sprintf("slack[%d].", i)
		out = append(out, place{key + "app_token", &s.AppToken}, place{key + "bot_token", &s.BotToken},
			place{key + "signing_secret", &s.SigningSecret}, place{key + "former_signing_secret", &s.Former})
	}
	for i := range c.Discord {
		out = append(out, place{fmt.Sprintf("discord[%d].token", i), &c.Discord[i].Token})
	}
	return out
}

// checkCertificates tells whether a file holds certificates.
func checkCertificates(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read file %s: %s", path, reason(err))
	}
	if !x509.NewCertPool().AppendCertsFromPEM(data) {
		return fmt.Errorf("read file %s: holds no certificate in PEM form; ca.crt of the master has one", path)
	}
	return nil
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

var secretPlace = regexp.MustCompile(`\.(secret|password|passphrase|bearer|token|app_token|bot_token|signing_secret|former_signing_secret)_(file|env|credential)$`)

// places returns where the keys stand that CheckMachine speaks of.
func (d *decoder) places() map[string]Mistake {
	out := map[string]Mistake{}
	for key, n := range d.at {
		if secretPlace.MatchString(key) || key == "socket.group" || key == "icinga.ca_file" || key == "oncall.calendar.file" {
			out[key] = d.mistake(n, key, "")
		}
	}
	return out
}
