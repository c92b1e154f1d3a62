package icinga_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/lab"
)

// TestPins: only a key that is pinned is spoken to, whatever the authority says.
func TestPins(t *testing.T) {
	t.Parallel()
	asked := 0
	w := newWire(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		asked++
		_, _ = io.WriteString(w, `{"results":[{"user":"root","permissions":["*"]}]}`)
	})
	right := icinga.Pin(w.Certificate())
	wrong := "sha256//" + strings.Repeat("A", 43) + "="
	for _, tt := range []struct {
		name string
		pins []string
		want bool
	}{
		{"none", nil, true}, {"the key", []string{right}, true}, {"the next key and the key", []string{wrong, right}, true}, {"another key", []string{wrong}, false},
	} {
		before := asked
		c := w.client(t, icinga.Options{Pins: tt.pins})
		_, err := c.Permissions(t.Context())
		if (err == nil) != tt.want {
			t.Errorf("pinned %s: Permissions = %v", tt.name, err)
		}
		_, streamErr := c.Stream(t.Context())
		if tt.want {
			continue
		}
		wantError(t, tt.name, err, "the server's key has changed", right, wrong, "pin it")
		for _, err := range []error{err, streamErr} {
			if !errors.Is(err, icinga.ErrUntrusted) || icinga.Temporary(err) || strings.Contains(err.Error(), "ca_file") {
				t.Errorf("pinned %s: %v, want ErrUntrusted, which lasts", tt.name, err)
			}
		}
		if asked != before {
			t.Errorf("pinned %s: a request was sent", tt.name)
		}
	}
	for _, bad := range []string{"", "sha256/x", "sha256//x", right + "A", strings.TrimPrefix(right, "sha256//")} {
		_, err := icinga.New(icinga.Options{URL: w.URL, User: "root", Password: fixed("x"), Pins: []string{bad}})
		wantError(t, "pin "+bad, err, "sha256//")
	}
}

// TestCertificateChanges: a daemon that is set up anew has another authority; it is not spoken to, and the error says what to look at.
func TestCertificateChanges(t *testing.T) {
	t.Parallel()
	old := lab.NewIcinga(t, lab.IcingaOptions{})
	next := lab.NewIcinga(t, lab.IcingaOptions{})
	c, err := icinga.New(icinga.Options{URL: next.URL, User: next.User, Password: fixed(next.Password), CA: read(t, old.CAFile), ServerName: next.ServerName})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	for what, err := range map[string]error{"Permissions": second(c.Permissions(t.Context())), "Stream": second(c.Stream(t.Context()))} {
		if !errors.Is(err, icinga.ErrUntrusted) {
			t.Errorf("%s = %v, want ErrUntrusted", what, err)
		}
		wantError(t, what, err, "icinga.ca_file", "icinga.server_name", "unknown authority")
	}
}

// TestClientCertificate: a user with a certificate needs no password, and the renewed one counts at the next handshake.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	i := lab.NewIcinga(t, lab.IcingaOptions{Config: `
object ApiUser "by-certificate" { client_cn = "lab-icinga"; permissions = [ "status/query" ] }
`})
	file := func(end string) string { return filepath.Join(i.Dir, "data/certs/lab-icinga"+end) } // the authority signed it for both ends
	opt := icinga.Options{URL: i.URL, CA: read(t, i.CAFile), ServerName: i.ServerName}
	pair := func() (*tls.Certificate, error) {
		c, err := tls.LoadX509KeyPair(file(".crt"), file(".key"))
		return &c, err
	}
	opt.Certificate = pair
	c, err := icinga.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	p, err := c.Permissions(t.Context())
	if err != nil || p.User != "by-certificate" {
		t.Errorf("Permissions = %+v, %v; want the user of the certificate", p, err)
	}
	gone := errors.New("the file is gone")
	opt.Certificate = func() (*tls.Certificate, error) { return nil, gone }
	c, err = icinga.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Permissions(t.Context()); !errors.Is(err, gone) {
		t.Errorf("without its file: %v", err)
	}
	opt.Certificate = nil
	if _, err := icinga.New(opt); err == nil {
		t.Error("New without password and certificate = nil, want an error")
	}
	block, _ := pem.Decode(read(t, file(".crt")))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	opt.Certificate, opt.Pins = pair, []string{icinga.Pin(leaf)}
	if c, err = icinga.New(opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.Permissions(t.Context()); err != nil {
		t.Errorf("pinned to the key of a real daemon: %v", err)
	}
}
