package agent

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/internal/atomicfile"
	"github.com/shitops/opsbot/internal/secret"
)

// sealedKey is where the bucket of the inventory has the sealed keys of the gate. What lies in the store is in every export of it.
const sealedKey = "agents.keys"

// ShortestPassphrase is how many bytes a passphrase has at least: an export that somebody finds can be guessed at for years.
const ShortestPassphrase = 16

// How a key is made of a passphrase (OWASP Password Storage Cheat Sheet: PBKDF2-HMAC-SHA256 with 600,000 rounds). What was sealed says its own
// number, within bounds: fewer are no protection, and more would keep a start waiting.
const (
	sealRounds   = 600_000
	fewestRounds = 100_000
	mostRounds   = 10_000_000
	saltBytes    = 16
)

// ErrSealed says that the keys of the agents are in the store, sealed, and that they cannot be opened.
var ErrSealed = errors.New("the keys of the agents stay sealed")

// sealedRing is a keyring that only the passphrase opens: AES-256-GCM under PBKDF2.
type sealedRing struct {
	Schema int       `json:"schema"`
	Rounds int       `json:"rounds"`
	Salt   []byte    `json:"salt"`
	Nonce  []byte    `json:"nonce"`
	Data   []byte    `json:"data"`
	At     time.Time `json:"at"`
}

// purpose binds what is sealed to what it is.
const purpose = "opsbot agents' keys, schema 1"

// sealer seals and opens, and remembers the key that it made of the passphrase: making it takes a fraction of a second on purpose.
type sealer struct {
	phrase []byte
	salt   []byte
	rounds int
	key    []byte
}

// newSealer reads the passphrase. Without one it returns nil.
func newSealer(source secret.Source) (*sealer, error) {
	if source.IsZero() {
		return nil, nil
	}
	phrase, err := source.Read()
	if err != nil {
		return nil, fmt.Errorf("read the passphrase that seals agents' keys: %w", err)
	}
	if n := len(phrase.Line()); n < ShortestPassphrase {
		return nil, fmt.Errorf("read the passphrase that seals agents' keys: %s holds %d characters, at least %d are wanted (openssl rand -hex 32 makes some)", source, n, ShortestPassphrase)
	}
	return &sealer{phrase: []byte(phrase.Line())}, nil
}

// use makes the key for a salt.
func (s *sealer) use(salt []byte, rounds int) (cipher.AEAD, error) {
	if s.key == nil || !bytes.Equal(s.salt, salt) || s.rounds != rounds {
		key, err := pbkdf2.Key(sha256.New, string(s.phrase), salt, rounds, 32)
		if err != nil {
			return nil, fmt.Errorf("make a key of the passphrase: %w", err)
		}
		s.salt, s.rounds, s.key = salt, rounds, key
	}
	block, err := aes.NewCipher(s.key)
	if err != nil {
		return nil, fmt.Errorf("make a key of the passphrase: %w", err)
	}
	return cipher.NewGCM(block)
}

func (s *sealer) seal(ring []byte, now time.Time) ([]byte, error) {
	salt := s.salt
	if s.rounds != sealRounds {
		salt = make([]byte, saltBytes)
		_, _ = rand.Read(salt) // never fails (crypto/rand)
	}
	aead, err := s.use(salt, sealRounds)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails (crypto/rand)
	out := sealedRing{Schema: keyringSchema, Rounds: sealRounds, Salt: salt, Nonce: nonce, Data: aead.Seal(nil, nonce, ring, []byte(purpose)), At: now.UTC()}
	return json.Marshal(out)
}

// open returns what was sealed.
func (s *sealer) open(text []byte) ([]byte, error) {
	var r sealedRing
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("read agents' keys in the store: %w", err)
	}
	if r.Schema != keyringSchema || r.Rounds < fewestRounds || r.Rounds > mostRounds || len(r.Salt) != saltBytes {
		return nil, fmt.Errorf("read agents' keys in the store: schema %d with %d rounds and a salt of %d bytes, which this program does not make", r.Schema, r.Rounds, len(r.Salt))
	}
	aead, err := s.use(r.Salt, r.Rounds)
	if err != nil {
		return nil, err
	}
	if len(r.Nonce) != aead.NonceSize() {
		return nil, fmt.Errorf("read agents' keys in the store: a nonce of %d bytes", len(r.Nonce))
	}
	ring, err := aead.Open(nil, r.Nonce, r.Data, []byte(purpose))
	if err != nil {
		return nil, fmt.Errorf("%w: the passphrase is another one than they were sealed with at %s, or they were damaged", ErrSealed, r.At.Format(time.RFC3339))
	}
	return ring, nil
}

// restoreRing writes the gate's keys into dir where they are gone and the store has them, as after an import.
func restoreRing(ctx context.Context, kv store.KV, s *sealer, dir string) (bool, error) {
	path := filepath.Join(dir, keyringFile)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	entry, err := kv.Get(ctx, sealedKey)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read agents' keys in the store: %w", err)
	}
	if s == nil {
		return false, fmt.Errorf("%w: %s is not there, and store.export.passphrase_file does not say what opens those in the store", ErrSealed, path)
	}
	ring, err := s.open(entry.Value)
	if err != nil {
		return false, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, fmt.Errorf("make the folder of agents' keys: %w", err)
	}
	if err := atomicfile.Write(path, ring, 0o600); err != nil {
		return false, fmt.Errorf("write agents' keys: %w", err)
	}
	return true, nil
}

// keepSealed brings the store's copy of the keys up to the keys of now; without a passphrase there is none. The caller holds g.ringMu.
func (g *Gate) keepSealed(ctx context.Context) error {
	entry, err := g.inventory.Get(ctx, sealedKey)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read agents' keys in the store: %w", err)
	}
	if g.sealer == nil {
		if entry.Revision == 0 {
			return nil
		}
		return g.inventory.Delete(ctx, sealedKey, entry.Revision)
	}
	ring, err := json.Marshal(g.ring)
	if err != nil {
		return fmt.Errorf("seal agents' keys: %w", err)
	}
	if entry.Revision != 0 {
		if have, err := g.sealer.open(entry.Value); err == nil && bytes.Equal(have, ring) {
			return nil
		}
	}
	value, err := g.sealer.seal(ring, g.o.Now())
	if err != nil {
		return fmt.Errorf("seal agents' keys: %w", err)
	}
	if entry.Revision == 0 {
		_, err = store.CreateSure(ctx, g.inventory, sealedKey, value)
	} else {
		_, err = store.UpdateSure(ctx, g.inventory, sealedKey, value, entry.Revision)
	}
	if err != nil {
		return fmt.Errorf("keep agents' sealed keys: %w", err)
	}
	return nil
}

// SealWith takes another passphrase, as after a reload: the store's copy is made anew, or goes with the passphrase. A passphrase that cannot be read, or
// is too short, changes nothing.
func (g *Gate) SealWith(ctx context.Context, passphrase secret.Source) error {
	next, err := newSealer(passphrase)
	if err != nil {
		return err
	}
	g.ringMu.Lock()
	defer g.ringMu.Unlock()
	if next == nil && g.sealer == nil || next != nil && g.sealer != nil && bytes.Equal(next.phrase, g.sealer.phrase) {
		return nil
	}
	g.sealer = next
	return g.keepSealed(ctx)
}

// reseal is keepSealed after a change that is made already: what fails is made up for at the next change or start. The caller holds g.ringMu.
func (g *Gate) reseal() {
	ctx, cancel := context.WithTimeout(context.Background(), joinTime)
	defer cancel()
	if err := g.keepSealed(ctx); err != nil {
		g.o.Log.Warn("the next export has the agents' keys as they were before", "err", err)
	}
}

// Copied is what a store tells of agents whose gate does not run.
type Copied struct {
	Agents int  // that are enrolled
	Sealed bool // the store holds the keys by which they know the bot
}

// LookCopied tells what an imported store has of agents. An error in the chain of [ErrSealed] says that the passphrase does not open the keys.
func LookCopied(ctx context.Context, inventory store.KV, passphrase secret.Source) (Copied, error) {
	var c Copied
	enrolled, err := inventory.List(ctx, enrolledPrefix)
	if err != nil {
		return c, fmt.Errorf("list the agents of the store: %w", err)
	}
	c.Agents = len(enrolled)
	entry, err := inventory.Get(ctx, sealedKey)
	if errors.Is(err, store.ErrNotFound) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("read agents' keys in the store: %w", err)
	}
	c.Sealed = true
	s, err := newSealer(passphrase)
	if err == nil && s == nil {
		err = fmt.Errorf("%w: store.export.passphrase_file does not say what opens them", ErrSealed)
	}
	if err == nil {
		_, err = s.open(entry.Value)
	}
	return c, err
}

// DropCopied gives up the keys that a store holds, so that the gate makes new ones and every node is enrolled again.
func DropCopied(ctx context.Context, inventory store.KV) error {
	entry, err := inventory.Get(ctx, sealedKey)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = inventory.Delete(ctx, sealedKey, entry.Revision)
	}
	if err != nil {
		return fmt.Errorf("give up agents' keys in the store: %w", err)
	}
	return nil
}
