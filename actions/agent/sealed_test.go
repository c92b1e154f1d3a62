package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/internal/secret"
)

// phrase writes a passphrase into a file of its own.
func phrase(t *testing.T, text string) secret.Source {
	t.Helper()
	file := filepath.Join(t.TempDir(), "export.passphrase")
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return secret.Source{File: file}
}

const goodPhrase = "correct horse battery staple"

func sealing(source secret.Source) func(*GateOptions) {
	return func(o *GateOptions) { o.Passphrase = source }
}

// inStore returns the sealed keys of a town, "" where there are none.
func (w *town) inStore() string {
	w.t.Helper()
	e, err := w.gate.inventory.Get(w.t.Context(), sealedKey)
	if err != nil {
		return ""
	}
	return string(e.Value)
}

// lose takes the folder of the gate away, as a lost disk does, and opens the gate at the same address.
func (w *town) lose() error {
	w.t.Helper()
	w.o.Listen = w.gate.Addr()
	w.close()
	if err := os.RemoveAll(w.o.Dir); err != nil {
		w.t.Fatal(err)
	}
	g, err := Open(w.t.Context(), w.o)
	if err == nil {
		w.gate = g
	}
	return err
}

// TestAgentsComeBackToARestoredGate: with the folder gone the sealed copy makes the gate the one that its agents know, also after keys were rotated and
// revoked.
func TestAgentsComeBackToARestoredGate(t *testing.T) {
	t.Parallel()
	w := newTown(t, sealing(phrase(t, goodPhrase)))
	r := w.settle("edge-1")
	w.hold("edge-1", with(7001))
	w.settle("edge-2")
	if err := w.gate.RotateKeys(); err != nil {
		t.Fatal(err)
	}
	if err := w.gate.Revoke(t.Context(), "edge-2"); err != nil {
		t.Fatal(err)
	}
	enrolled, _ := w.gate.Enrolled("edge-1")
	w.gate.ringMu.Lock()
	before := *w.gate.ring
	w.gate.ringMu.Unlock()
	if err := w.lose(); err != nil {
		t.Fatal(err)
	}
	w.seen("edge-1")
	if e, _ := w.gate.Enrolled("edge-1"); e.NKey != enrolled.NKey || e.NKey == "" {
		t.Errorf("edge-1 is enrolled with %q, it was with %q", e.NKey, enrolled.NKey)
	}
	if got := w.gate.ring; got.CA != before.CA || got.Serial != before.Serial || len(got.Revoked) != 1 || len(got.History) != len(before.History) {
		t.Errorf("restored: serial %d, %d revoked, %d in the history; want %d, 1, %d and the same CA", got.Serial, len(got.Revoked), len(got.History), before.Serial, len(before.History))
	}
	w.hold("edge-1", with(7001, 7002))
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(filepath.Join(w.o.Dir, keyringFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the restored file: %v, %v; want 0600", info, err)
	}
}

// TestSealedKeysTellNothing: no seed, no key and no certificate of the ring is to be read in the store, and none of it twice the same.
func TestSealedKeysTellNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t, sealing(phrase(t, goodPhrase)))
	first := w.inStore()
	for what, text := range map[string]string{"operator": w.gate.ring.Operator, "signer": w.gate.ring.Signer, "CA key": w.gate.ring.CAKey, "passphrase": goodPhrase} {
		if text == "" || strings.Contains(first, text) || strings.Contains(first, text[:20]) {
			t.Errorf("the %s is in the store", what)
		}
	}
	w.restart()
	if w.inStore() != first {
		t.Error("a restart that changes nothing writes the keys anew")
	}
	if err := w.gate.RotateKeys(); err != nil {
		t.Fatal(err)
	}
	var a, b sealedRing
	if err := errors.Join(json.Unmarshal([]byte(first), &a), json.Unmarshal([]byte(w.inStore()), &b)); err != nil || bytes.Equal(a.Nonce, b.Nonce) || bytes.Equal(a.Data, b.Data) {
		t.Errorf("after a rotation: %v; the same nonce %x", err, b.Nonce)
	}
}

// TestWithoutAPassphrase nothing is copied, and a copy of before goes.
func TestWithoutAPassphrase(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	if got := w.inStore(); got != "" {
		t.Errorf("without a passphrase the store has %s", got)
	}
	good := phrase(t, goodPhrase)
	if err := w.gate.SealWith(t.Context(), good); err != nil || w.inStore() == "" {
		t.Errorf("with one after a reload: %v, %q", err, w.inStore())
	}
	sealed := w.inStore()
	if err := w.gate.SealWith(t.Context(), good); err != nil || w.inStore() != sealed {
		t.Errorf("the same again: %v; sealed anew %v", err, w.inStore() != sealed)
	}
	if err := w.gate.SealWith(t.Context(), phrase(t, "short")); err == nil || !strings.Contains(err.Error(), "holds 5 characters, at least 16") || w.inStore() != sealed {
		t.Errorf("a short one: %v", err)
	}
	if err := w.gate.SealWith(t.Context(), phrase(t, "another phrase of the house")); err != nil || w.inStore() == sealed {
		t.Errorf("another one: %v; sealed anew %v", err, w.inStore() != sealed)
	}
	if err := w.gate.SealWith(t.Context(), secret.Source{}); err != nil || w.inStore() != "" {
		t.Errorf("without again: %v, %q", err, w.inStore())
	}
}

// TestALostGateSaysWhatItNeeds: keys that are there and cannot be opened are not replaced by new ones, which would lock every agent out.
func TestALostGateSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	w := newTown(t, sealing(phrase(t, goodPhrase)))
	for _, tt := range []struct {
		name string
		with secret.Source
		want string
	}{
		{"none", secret.Source{}, "store.export.passphrase_file does not say"},
		{"another", phrase(t, "not the passphrase of then"), "the passphrase is another one"},
	} {
		w.o.Passphrase = tt.with
		if w.gate == nil {
			g, err := Open(t.Context(), w.o)
			if g != nil {
				_ = g.Close(t.Context())
			}
			if !errors.Is(err, ErrSealed) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
			}
			continue
		}
		if err := w.lose(); !errors.Is(err, ErrSealed) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := os.Stat(filepath.Join(w.o.Dir, keyringFile)); err == nil {
		t.Error("new keys were made")
	}
	kv := w.store.Bucket("inventory")
	if c, err := LookCopied(t.Context(), kv, secret.Source{}); !c.Sealed || !errors.Is(err, ErrSealed) {
		t.Errorf("looked at without a passphrase: %+v, %v", c, err)
	}
	if c, err := LookCopied(t.Context(), kv, phrase(t, goodPhrase)); !c.Sealed || err != nil {
		t.Errorf("looked at with it: %+v, %v", c, err)
	}
	for range 2 { // the second time there is nothing to give up
		if err := DropCopied(t.Context(), kv); err != nil {
			t.Error(err)
		}
	}
	if c, err := LookCopied(t.Context(), kv, secret.Source{}); c.Sealed || err != nil {
		t.Errorf("after they were given up: %+v, %v", c, err)
	}
	w.open()
}

// TestSealerRefuses what it did not make: damaged, of another schema, with rounds that protect nothing or never end.
func TestSealerRefuses(t *testing.T) {
	t.Parallel()
	s := &sealer{phrase: []byte(goodPhrase)}
	text, err := s.seal([]byte(`{"schema":1}`), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := (&sealer{phrase: []byte(goodPhrase)}).open(text); err != nil || string(got) != `{"schema":1}` {
		t.Fatalf("open what was sealed = %s, %v", got, err)
	}
	for name, change := range map[string]func(*sealedRing){
		"a bit of the data": func(r *sealedRing) { r.Data[3] ^= 1 },
		"cut short":         func(r *sealedRing) { r.Data = r.Data[:len(r.Data)-1] },
		"no data":           func(r *sealedRing) { r.Data = nil },
		"the nonce":         func(r *sealedRing) { r.Nonce[0] ^= 1 },
		"no nonce":          func(r *sealedRing) { r.Nonce = nil },
		"no salt":           func(r *sealedRing) { r.Salt = nil },
		"schema":            func(r *sealedRing) { r.Schema = 2 },
		"few rounds":        func(r *sealedRing) { r.Rounds = 1 },
		"endless rounds":    func(r *sealedRing) { r.Rounds = 1 << 40 },
	} {
		var r sealedRing
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatal(err)
		}
		change(&r)
		bad, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.open(bad); err == nil {
			t.Errorf("%s: opened %s", name, got)
		}
	}
	if _, err := s.open([]byte("{")); err == nil {
		t.Error("half a record is opened")
	}
}

// TestSealedKeysOnAStoreThatFails: a gate whose copy cannot be kept does not start, and says so.
func TestSealedKeysOnAStoreThatFails(t *testing.T) {
	t.Parallel()
	st := fake.New().Open(fake.Options{})
	st.Kill()
	o := GateOptions{Dir: filepath.Join(t.TempDir(), "gate"), Store: st, Incarnation: "1-a", Passphrase: phrase(t, goodPhrase), Log: logOf(t, "gate")}
	if g, err := Open(context.Background(), o); err == nil {
		_ = g.Close(t.Context())
		t.Error("a gate opens over a dead store")
	}
}
