package agent

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/overlay"
)

// apply runs an agent with a code until it is enrolled or refused.
func apply(t *testing.T, w *town, dir, code string) (*Agent, error) {
	t.Helper()
	a, err := New(Options{
		Dir: dir, Bot: w.gate.Addr(), Code: code, Log: logOf(t, "apply"),
		Open: func(context.Context, string, netip.Addr) (overlay.DataPlane, error) { return newPlane(), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return a, a.enrol(ctx)
}

func code(t *testing.T, w *town, id string) string {
	t.Helper()
	c, err := w.gate.NewCode(t.Context(), id, "anna")
	if err != nil {
		t.Fatal(err)
	}
	return c.Text
}

func TestCodeEnrolsOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	c, err := w.gate.NewCode(t.Context(), "edge-1", "anna")
	if err != nil {
		t.Fatal(err)
	}
	if want := "opsbot agent --bot " + w.gate.Addr() + " --code " + c.Text; c.Line != want {
		t.Errorf("line = %q, want %q", c.Line, want)
	}
	entries, err := w.store.Bucket(store.Guards).List(t.Context(), "")
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d entries, %v; want the code's alone", len(entries), err)
	}
	if secret, _, _ := strings.Cut(c.Text, "-"); strings.Contains(entries[0].Key+string(entries[0].Value), secret) {
		t.Errorf("the code itself is stored: %s %s", entries[0].Key, entries[0].Value)
	}
	dir := t.TempDir()
	a, err := apply(t, w, dir, c.Text)
	if err != nil || a.Node() != "edge-1" {
		t.Fatalf("enrol = %v as %q, want edge-1", err, a.Node())
	}
	for _, file := range []string{filepath.Join(dir, identityFile), filepath.Join(w.o.Dir, keyringFile)} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want 0600", file, info.Mode(), err)
		}
	}
	// The same agent with the same code: its answer may have been lost. Its private half was never sent.
	if err := os.Remove(filepath.Join(dir, stateFile)); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if _, err := apply(t, w, dir, c.Text); err != nil {
		t.Errorf("the same code once more by the same agent: %v", err)
	}
	// Another one.
	_, err = apply(t, w, t.TempDir(), c.Text)
	var refused errRefused
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "unknown, used or older") {
		t.Errorf("a used code: %v, want a refusal", err)
	}
	if e, ok := w.gate.Enrolled("edge-1"); !ok || e.Node != "edge-1" || e.NKey == "" {
		t.Errorf("Enrolled = %+v, %v", e, ok)
	}
}

func TestCodesThatAreRefused(t *testing.T) {
	t.Parallel()
	var late atomic.Bool
	w := newTown(t, func(o *GateOptions) {
		o.Now = func() time.Time {
			if late.Load() {
				return time.Now().Add(codeLife + time.Minute)
			}
			return time.Now()
		}
	})
	other := newTown(t)
	good := code(t, w, "edge-1")
	secret, print, _ := strings.Cut(good, "-")
	for _, test := range []struct{ name, given, want string }{
		{"cut short", secret, "the code is not complete"},
		{"guessed", strings.Repeat("a", 20) + "-" + print, "unknown, used or older"},
		{"of another bot", code(t, other, "edge-1"), errOtherBot.Error()},
		{"with the print of another bot", secret + "-" + strings.Repeat("a", 26), errOtherBot.Error()},
	} {
		if _, err := apply(t, w, t.TempDir(), test.given); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	late.Store(true)
	if _, err := w.gate.consume(t.Context(), join{Code: good, NKey: "U"}); err == nil {
		t.Error("a code of eleven minutes ago was taken")
	}
	late.Store(false)
	if _, err := apply(t, w, t.TempDir(), good); err != nil {
		t.Errorf("the good code after all that: %v", err)
	}
}

// TestOneOfManyWins lets many take one code at once: the compare-and-set lets one in.
func TestOneOfManyWins(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	given := code(t, w, "edge-1")
	const many = 8
	outcome := make(chan error, many)
	for range many {
		go func() {
			_, err := w.gate.consume(context.Background(), join{Code: given, NKey: "U" + strings.Repeat("A", 55)[:40] + newName()})
			outcome <- err
		}()
	}
	won := 0
	for range many {
		if <-outcome == nil {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%d took the code, want one", won)
	}
}

var names atomic.Int64

func newName() string { return time.Now().Format("150405") + string(rune('A'+names.Add(1))) }

// TestWithoutCredentials: TLS 1.2, plain text and a certificate of somebody else are refused.
func TestChannel(t *testing.T) {
	t.Parallel()
	w, other := newTown(t), newTown(t)
	tr, err := w.gate.presenter.trust()
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.gate.presenter.trust()
	if err != nil {
		t.Fatal(err)
	}
	old := clientTLS("", "", tr, time.Now)
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	for _, test := range []struct {
		name   string
		config *tls.Config
		ok     bool
	}{
		{"as it should be", clientTLS("", "", tr, time.Now), true},
		{"TLS 1.2", old, false},
		{"another CA", clientTLS("", "", foreign, time.Now), false},
		{"no CA at all", clientTLS("", "", trust{}, time.Now), false},
		{"the system's", clientTLS("127.0.0.1", "", trust{System: true}, time.Now), false},
		{"in a year", clientTLS("", "", tr, func() time.Time { return time.Now().AddDate(1, 0, 0) }), false},
	} {
		c, err := tls.Dial("tcp", w.gate.Addr(), test.config)
		if err == nil {
			err = c.HandshakeContext(t.Context())
			_ = c.Close()
		}
		if (err == nil) != test.ok {
			t.Errorf("%s: %v, want ok %v", test.name, err, test.ok)
		}
	}
	if nc, err := nats.Connect("nats://"+w.gate.Addr(), nats.Timeout(300*time.Millisecond), nats.NoReconnect()); err == nil {
		nc.Close()
		t.Error("plain text was accepted")
	}
}

// TestConfiguredCertificate lets the gate show a certificate of the configuration, and another one after it was replaced.
func TestConfiguredCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca, caKey, err := newCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certificate, key := filepath.Join(dir, "agents.crt"), filepath.Join(dir, "agents.key")
	for file, text := range map[string]string{certificate: ca, key: caKey} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := newTown(t, func(o *GateOptions) { o.CertificateFile, o.KeyFile = certificate, key })
	r := w.settle("edge-1")
	w.hold("edge-1", with(5001))
	if !r.id.Trust.System || !strings.Contains(r.id.Trust.Roots, ca[:100]) {
		t.Errorf("trust = %+v, want the configured certificate and the system", r.id.Trust)
	}
	if err := os.WriteFile(key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(certificate, time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.gate.presenter.get(nil); err != nil {
		t.Errorf("a pair that does not fit was taken: %v", err)
	}
	if _, err := Open(t.Context(), GateOptions{Dir: t.TempDir(), Store: w.store, Incarnation: "1-a", Listen: "127.0.0.1:0", CertificateFile: certificate, KeyFile: key}); err == nil || !strings.Contains(err.Error(), "certificate of the agents' listener") {
		t.Errorf("Open with a bad key = %v, want a refusal", err)
	}
}

// TestRenewal: an agent renews over its live connection, and without any good token by its key alone.
func TestRenewal(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	before := r.token()
	// Half of the token's life is over: it asks over the live connection.
	th := steal(t, w, r)
	data, err := r.joinData(join{Node: "edge-1"})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // a token's times are whole seconds
	if err := errors.Join(th.Publish(subjectRenew+"edge-1", data), th.Flush()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the token is renewed", func() bool { return r.token() != before })
	// A join for another node, or of another key, renews nothing.
	live := r.token()
	wrong, err := r.joinData(join{Node: "edge-2"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(th.Publish(subjectRenew+"edge-1", wrong), th.Flush()); err != nil {
		t.Fatal(err)
	}
	// The bot was dead for a month: the token has ended, the key has not.
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if r.token() != live {
		t.Error("a join for another node renewed the token")
	}
	id, err := r.disk.identity()
	if err != nil {
		t.Fatal(err)
	}
	expired, err := w.gate.accounts.token("edge-1", mustKey(t, r), time.Now().Add(-30*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{expired, "", "nonsense"} {
		id.Token = token
		if err := r.disk.saveIdentity(id); err != nil {
			t.Fatal(err)
		}
		r.again(func(o *Options) { o.Code = "" })
		w.until("edge-1", "is back with its key alone", func(s Status) bool { return s.Report.Boot == r.boot && s.Health != Offline })
	}
}

func mustKey(t *testing.T, r *resident) string {
	t.Helper()
	data, err := r.joinData(join{})
	if err != nil {
		t.Fatal(err)
	}
	j, err := readJoin(data)
	if err != nil {
		t.Fatal(err)
	}
	return j.NKey
}

// TestJoinsMustBeSigned changes what a join says after it was signed.
func TestJoinsMustBeSigned(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	data, err := r.joinData(join{Node: "edge-1"})
	if err != nil {
		t.Fatal(err)
	}
	var s signedJoin
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	s.Join = []byte(strings.Replace(string(s.Join), "edge-1", "edge-2", 1))
	forged, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if j, err := readJoin(forged); err == nil {
		t.Errorf("a changed join was believed: %+v", j)
	}
	j, err := readJoin(data)
	if err != nil {
		t.Fatal(err)
	}
	j.NKey = mustKey(t, w.settle("edge-2"))
	if _, err := w.gate.welcome(t.Context(), j); err == nil {
		t.Error("the key of edge-2 speaks for edge-1")
	}
	j.Protocol = 0
	if _, err := w.gate.welcome(t.Context(), j); err == nil || !strings.Contains(err.Error(), "install the bot's version") {
		t.Errorf("an agent of long ago: %v, want a refusal that says what to do", err)
	}
}

// TestRevoke ends an agent at once, also for later starts of the gate, and lets another take its place.
func TestRevoke(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	w.hold("edge-1", with(5001))
	th := steal(t, w, r)
	begun := time.Now()
	if err := w.gate.Revoke(t.Context(), "edge-1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the connection is dropped", func() bool { return th.IsClosed() })
	t.Logf("dropped after %v", time.Since(begun))
	if s := w.gate.Status("edge-1"); s.Health != NotEnrolled {
		t.Errorf("health = %s, want %s", s.Health, NotEnrolled)
	}
	w.restart()
	o := nats.GetDefaultOptions()
	o.Servers, o.AllowReconnect, o.Secure, o.TLSHandshakeFirst, o.TLSConfig = []string{"tls://" + w.gate.Addr()}, false, true, true, r.tls("")
	o.UserJWT, o.SignatureCB = func() (string, error) { return r.token(), nil }, r.sign
	if nc, err := o.Connect(); err == nil {
		nc.Close()
		t.Error("a revoked token was accepted after a restart")
	}
	if len(r.plane.holds()) != 1 {
		t.Error("the node lost its segment with its agent")
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	// The machine was lost, another one gets the name.
	second := w.settle("edge-1", func(o *Options) { o.Dir = t.TempDir() })
	w.until("edge-1", "is the second", func(s Status) bool { return s.Report.Boot == second.boot && s.Health == OK })
	if err := w.gate.Revoke(t.Context(), "edge-9"); err != nil {
		t.Errorf("revoke of nobody: %v", err)
	}
}

// TestReplacement enrols a second machine under the same name: the first one is out.
func TestReplacement(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	first := w.settle("edge-1")
	th := steal(t, w, first)
	second := w.settle("edge-1", func(o *Options) { o.Dir = t.TempDir() })
	eventually(t, "the first is out", func() bool { return th.IsClosed() })
	w.until("edge-1", "is the second", func(s Status) bool { return s.Report.Boot == second.boot })
	w.hold("edge-1", with(5001))
	if len(second.plane.holds()) != 1 || len(first.plane.holds()) != 0 {
		t.Errorf("the first holds %v, the second %v", first.plane.holds(), second.plane.holds())
	}
}

// TestNewcomersAreSweptOut ends connections that only sit there.
func TestNewcomersAreSweptOut(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	th := w.connect(func(*nats.Options) {})
	w.gate.sweepOnce(time.Hour)
	if th.IsClosed() {
		t.Error("a young one was swept out")
	}
	w.gate.sweepOnce(0)
	eventually(t, "the idler is out", func() bool { return th.IsClosed() })
	w.hold("edge-1", with(5001)) // the gate's own connections are still there
	_ = r
}
