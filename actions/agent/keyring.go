package agent

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/shitops/opsbot/internal/atomicfile"
)

// keyringFile holds every secret of the gate. Who reads it is the bot: it is readable by its owner alone.
const keyringFile = "keys.json"

// keyring is the file. Seeds are those of nkeys, in their own text form.
type keyring struct {
	Schema   int                  `json:"schema"`
	Operator string               `json:"operator"`
	Bot      string               `json:"bot"`
	Agents   string               `json:"agents"`
	Signer   string               `json:"signer"` // of agents' tokens: its template is all that they may do
	Enrol    string               `json:"enrol"`
	Signing  []ed25519.PrivateKey `json:"signing"` // of states; the last one signs, all are trusted
	Serial   uint64               `json:"serial"`
	History  [][]byte             `json:"history,omitempty"` // a key set each, signed by a key of the one before
	CA       string               `json:"ca,omitempty"`      // certificate, PEM
	CAKey    string               `json:"ca_key,omitempty"`
	Revoked  map[string]time.Time `json:"revoked,omitempty"` // agents' keys whose tokens may still live

	path string
}

const keyringSchema = 1

// trusted is how many signing keys are trusted at once: the newest and the one before.
const trusted = 2

// openKeyring reads the keys in dir, or makes them at the first start.
func openKeyring(dir string, now time.Time) (*keyring, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of agents' keys: %w", err)
	}
	k := &keyring{path: filepath.Join(dir, keyringFile)}
	data, err := os.ReadFile(k.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return k, k.create(now)
	case err != nil:
		return nil, fmt.Errorf("read agents' keys: %w", err)
	}
	if err := json.Unmarshal(data, k); err != nil {
		return nil, fmt.Errorf("read agents' keys in %s: %w", k.path, err)
	}
	if k.Schema != keyringSchema || len(k.Signing) == 0 {
		return nil, fmt.Errorf("read agents' keys in %s: schema %d with %d signing keys, only %d is known", k.path, k.Schema, len(k.Signing), keyringSchema)
	}
	return k, nil
}

func (k *keyring) create(now time.Time) error {
	k.Schema, k.Serial = keyringSchema, 1
	var err error
	for _, one := range []struct {
		seed   *string
		prefix nkeys.PrefixByte
	}{
		{&k.Operator, nkeys.PrefixByteOperator}, {&k.Bot, nkeys.PrefixByteAccount}, {&k.Agents, nkeys.PrefixByteAccount},
		{&k.Signer, nkeys.PrefixByteAccount}, {&k.Enrol, nkeys.PrefixByteAccount},
	} {
		if *one.seed, err = newSeed(one.prefix); err != nil {
			return err
		}
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make a signing key: %w", err)
	}
	k.Signing = []ed25519.PrivateKey{private}
	if k.CA, k.CAKey, err = newCA(now); err != nil {
		return err
	}
	return k.save()
}

func newSeed(prefix nkeys.PrefixByte) (string, error) {
	pair, err := nkeys.CreatePair(prefix)
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	seed, err := pair.Seed()
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	return string(seed), nil
}

func (k *keyring) save() error {
	data, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("write agents' keys: %w", err)
	}
	if err := atomicfile.Write(k.path, data, 0o600); err != nil {
		return fmt.Errorf("write agents' keys: %w", err)
	}
	return nil
}

// set is what agents are to trust.
func (k *keyring) set() KeySet {
	s := KeySet{Serial: k.Serial}
	for _, private := range k.Signing {
		public, _ := private.Public().(ed25519.PublicKey) // it is one by its type
		s.Keys = append(s.Keys, public)
	}
	return s
}

// signing is the key that signs.
func (k *keyring) signing() ed25519.PrivateKey { return k.Signing[len(k.Signing)-1] }

// rotate makes a new signing key. The one before stays trusted until the next time; the history lets agents that were away follow.
func (k *keyring) rotate() error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make a signing key: %w", err)
	}
	next := *k
	next.Signing = append(append([]ed25519.PrivateKey(nil), k.Signing...), private)
	next.Signing = next.Signing[max(0, len(next.Signing)-trusted):]
	next.Serial++
	entry, err := seal(k.signing(), kindKeys, next.set())
	if err != nil {
		return fmt.Errorf("sign the new set of keys: %w", err)
	}
	next.History = append(append([][]byte(nil), k.History...), entry)
	if err := next.save(); err != nil {
		return err
	}
	*k = next
	return nil
}

// revoke remembers that tokens of a key no longer count, for as long as any could live.
func (k *keyring) revoke(nkey string, now time.Time) error {
	if k.Revoked == nil {
		k.Revoked = map[string]time.Time{}
	}
	for old, at := range k.Revoked {
		if now.Sub(at) > 2*tokenLife {
			delete(k.Revoked, old)
		}
	}
	k.Revoked[nkey] = now
	return k.save()
}
