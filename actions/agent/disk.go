package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nkeys"

	"github.com/shitops/opsbot/internal/atomicfile"
)

// The files of an agent.
const (
	identityFile = "agent.json" // its key, its token, whom it trusts
	stateFile    = "state.json" // the envelope that it took last
	callsFile    = "calls.json" // what came of calls
)

// identity is who the agent is and whom it trusts.
type identity struct {
	Schema int    `json:"schema"`
	Node   string `json:"node,omitempty"`
	Bot    string `json:"bot,omitempty"`
	Seed   string `json:"seed"` // of its own key; it never leaves the node
	Token  string `json:"token,omitempty"`
	Trust  trust  `json:"trust"`
	Keys   KeySet `json:"keys"`
	Code   string `json:"code,omitempty"` // hash of the code that enrolled it
}

const identitySchema = 1

// disk is where an agent keeps what must survive.
type disk struct{ dir string }

func (d disk) path(name string) string { return filepath.Join(d.dir, name) }

// read returns a file, or nil when there is none.
func (d disk) read(name string) ([]byte, error) {
	data, err := os.ReadFile(d.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the agent's files: %w", err)
	}
	return data, nil
}

// write puts a file in the place of the old one, for the owner alone.
func (d disk) write(name string, data []byte) error {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return fmt.Errorf("make the agent's folder: %w", err)
	}
	if err := atomicfile.Write(d.path(name), data, 0o600); err != nil {
		return fmt.Errorf("write the agent's files: %w", err)
	}
	return nil
}

// identity reads who the agent is, or makes a key.
func (d disk) identity() (identity, error) {
	var id identity
	data, err := d.read(identityFile)
	if err != nil {
		return id, err
	}
	if data == nil {
		id.Schema = identitySchema
		id.Seed, err = newSeed(nkeys.PrefixByteUser)
		return id, err
	}
	if err := json.Unmarshal(data, &id); err != nil {
		return id, fmt.Errorf("read %s: %w; move it away and enrol the node again", d.path(identityFile), err)
	}
	if id.Schema != identitySchema {
		return id, fmt.Errorf("read %s: schema %d, only %d is known", d.path(identityFile), id.Schema, identitySchema)
	}
	return id, nil
}

func (d disk) saveIdentity(id identity) error {
	data, err := json.Marshal(id)
	if err != nil {
		return fmt.Errorf("write the agent's files: %w", err)
	}
	return d.write(identityFile, data)
}

func (d disk) state() ([]byte, error) { return d.read(stateFile) }

func (d disk) saveState(envelope []byte) error { return d.write(stateFile, envelope) }

// forgetState removes the state of before; there may be none.
func (d disk) forgetState() error {
	if err := os.Remove(d.path(stateFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the state of before: %w", err)
	}
	return nil
}

// hashCode is how a used code is remembered.
func hashCode(code string) string {
	sum := sha256.Sum256([]byte(code))
	return hex.EncodeToString(sum[:])
}
