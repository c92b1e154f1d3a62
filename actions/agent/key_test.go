package agent

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/overlay"
)

func ed25519Key(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// TestKeysRotate makes new signing keys while an agent is there, and while it is away for several of them.
func TestKeysRotate(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	w.hold("edge-1", with(5001))
	stolen := w.gate.ring.signing()
	if err := w.gate.RotateKeys(); err != nil {
		t.Fatal(err)
	}
	w.hold("edge-1", with(5001, 5002))
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := w.gate.RotateKeys(); err != nil {
			t.Fatal(err)
		}
	}
	w.restart()
	if _, err := w.gate.Edit(t.Context(), "edge-1", with(5001, 5002, 5003)); err != nil {
		t.Fatal(err)
	}
	r.start()
	w.until("edge-1", "has followed", func(s Status) bool { return s.Health == OK && s.Report.Generation == 3 && s.Report.Keys == 5 })
	// The first key was stolen: what it signs is not believed any more.
	data, err := seal(stolen, kindOrder, order{Protocol: Protocol, Oldest: oldest, Node: "edge-1", State: &State{Desired: overlay.Desired{Node: "edge-1", Incarnation: "1-a", Generation: 99}}})
	if err != nil {
		t.Fatal(err)
	}
	r.hear(t.Context(), data)
	if got := r.state().Desired.Generation; got != 3 {
		t.Errorf("the agent took generation %d of a key that is no longer trusted", got)
	}
	r.again(nil) // its state on the disk is signed by a key that is still trusted
	if got := r.state().Desired.Generation; got != 3 {
		t.Errorf("generation %d after a restart, want 3", got)
	}
}

func TestKeySetsFollowOnlyTheirOwn(t *testing.T) {
	t.Parallel()
	a, b, c := ed25519Key(t), ed25519Key(t), ed25519Key(t)
	set := func(serial uint64, keys ...ed25519.PrivateKey) KeySet {
		s := KeySet{Serial: serial}
		for _, k := range keys {
			public, _ := k.Public().(ed25519.PublicKey)
			s.Keys = append(s.Keys, public)
		}
		return s
	}
	sign := func(by ed25519.PrivateKey, s KeySet) []byte {
		data, err := seal(by, kindKeys, s)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	start := set(1, a)
	for name, test := range map[string]struct {
		history [][]byte
		want    KeySet
	}{
		"one step":               {[][]byte{sign(a, set(2, a, b))}, set(2, a, b)},
		"two steps":              {[][]byte{sign(a, set(2, a, b)), sign(b, set(3, b, c))}, set(3, b, c)},
		"the second alone":       {[][]byte{sign(b, set(3, b, c))}, start},
		"signed by a stranger":   {[][]byte{sign(c, set(2, c))}, start},
		"an older serial":        {[][]byte{sign(a, set(1, a, b))}, start},
		"an empty set":           {[][]byte{sign(a, set(2))}, start},
		"no envelope":            {[][]byte{[]byte("nonsense"), nil}, start},
		"an order is no key set": {[][]byte{mustSeal(t, a, kindOrder, set(2, a, b))}, start},
	} {
		if diff := cmp.Diff(test.want, start.follow(test.history)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func mustSeal(t testing.TB, key ed25519.PrivateKey, kind string, v any) []byte {
	t.Helper()
	data, err := seal(key, kind, v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestEnvelopes changes every byte of one: nothing of it is believed.
func TestEnvelopes(t *testing.T) {
	t.Parallel()
	key := ed25519Key(t)
	public, _ := key.Public().(ed25519.PublicKey)
	set := KeySet{Serial: 1, Keys: []ed25519.PublicKey{public}}
	data := mustSeal(t, key, kindOrder, order{Node: "edge-1", At: time.Unix(0, 0).UTC()})
	var got order
	if err := set.open(data, kindOrder, &got); err != nil || got.Node != "edge-1" {
		t.Fatalf("open = %+v, %v", got, err)
	}
	if err := set.open(data, kindKeys, &got); !errors.Is(err, errUntrusted) {
		t.Errorf("another kind: %v, want errUntrusted", err)
	}
	for i := range data {
		bad := append([]byte(nil), data...)
		bad[i] ^= 1
		var other order
		if err := set.open(bad, kindOrder, &other); err == nil && other.Node != "edge-1" {
			t.Fatalf("byte %d changed, and believed: %+v", i, other)
		}
	}
	bomb, err := pack(make([]byte, maxUnpacked))
	if err != nil {
		t.Fatal(err)
	}
	var sink []byte
	if err := unpack(bomb, &sink); !errors.Is(err, errTooLarge) {
		t.Errorf("a body that grows without end: %v, want errTooLarge", err)
	}
}

// FuzzHear lets an agent hear any bytes.
func FuzzHear(f *testing.F) {
	key := ed25519Key(f)
	public, _ := key.Public().(ed25519.PublicKey)
	f.Add(mustSeal(f, key, kindOrder, order{Node: "edge-1", State: &State{}}))
	f.Add(mustSeal(f, key, kindKeys, KeySet{Serial: 2}))
	f.Add([]byte(`{"kind":"order"}`))
	a, err := New(Options{Dir: f.TempDir(), Open: nopOpen})
	if err != nil {
		f.Fatal(err)
	}
	a.id.Node, a.id.Keys = "edge-1", KeySet{Serial: 1, Keys: []ed25519.PublicKey{public}}
	f.Fuzz(func(t *testing.T, data []byte) { a.hear(t.Context(), data) })
}

// FuzzReport lets the gate hear any bytes of an agent.
func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"node":"edge-1","generation":1}`))
	f.Add([]byte(`{"join":"e30=","sign":""}`))
	g := &Gate{o: GateOptions{Log: logOf(nil, ""), Now: time.Now}, nodes: map[string]*node{}, calls: map[string]chan Answer{}, ring: &keyring{}, keep: make(chan string, 1)}
	f.Fuzz(func(_ *testing.T, data []byte) {
		g.hearReport("edge-1", data)
		g.hearAnswer("edge-1", data)
		g.hearRenew("edge-1", data)
		g.hearJoin(data)
	})
}

func TestKeyringIsKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "gate")
	now := time.Now()
	first, err := openKeyring(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	second, err := openKeyring(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.set(), second.set()); diff != "" || first.Operator != second.Operator || first.CA != second.CA {
		t.Errorf("the keys differ after a restart (-first +second):\n%s", diff)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v; want 0700", info.Mode(), err)
	}
	for _, nkey := range []string{"UA", "UB"} {
		if err := second.revoke(nkey, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := second.revoke("UC", now.Add(3*tokenLife)); err != nil {
		t.Fatal(err)
	}
	if len(second.Revoked) != 1 {
		t.Errorf("revoked = %v, want the latest alone", second.Revoked)
	}
	for _, text := range []string{"{", `{"schema":2}`, `{"schema":1}`} {
		if err := os.WriteFile(filepath.Join(dir, keyringFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openKeyring(dir, now); err == nil {
			t.Errorf("openKeyring with %s = nil, want an error: a new key would lock out every agent", text)
		}
	}
}
