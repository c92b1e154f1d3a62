package agent

import (
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// envelope is a signed body. Its kind is part of what is signed, so that none is taken for another.
type envelope struct {
	Kind string `json:"kind"`
	Key  string `json:"key"`  // id of the signer's key
	Body []byte `json:"body"` // packed JSON
	Sign []byte `json:"sign"`
}

// Kinds of envelopes.
const (
	kindOrder = "order"
	kindKeys  = "keys"
)

var (
	// errUntrusted says that a body is signed by nobody who is trusted.
	errUntrusted = errors.New("signed by no trusted key")
	errTooLarge  = errors.New("too large")
)

// KeySet is the set of keys whose signatures are trusted. A newer set is signed by a key of the one before.
type KeySet struct {
	Serial uint64              `json:"serial"`
	Keys   []ed25519.PublicKey `json:"keys"`
}

// keyID names a public key.
func keyID(k ed25519.PublicKey) string {
	sum := sha256.Sum256(k)
	return hex.EncodeToString(sum[:8])
}

// find returns the key with an id.
func (s KeySet) find(id string) (ed25519.PublicKey, bool) {
	i := slices.IndexFunc(s.Keys, func(k ed25519.PublicKey) bool { return len(k) == ed25519.PublicKeySize && keyID(k) == id })
	if i < 0 {
		return nil, false
	}
	return s.Keys[i], true
}

// signed is what the signature covers.
func signed(kind string, body []byte) []byte {
	return slices.Concat([]byte("opsbot agent 1\n"+kind+"\n"), body)
}

// seal signs a body.
func seal(key ed25519.PrivateKey, kind string, body any) ([]byte, error) {
	packed, err := pack(body)
	if err != nil {
		return nil, err
	}
	public, _ := key.Public().(ed25519.PublicKey) // it is one by its type
	return json.Marshal(envelope{Kind: kind, Key: keyID(public), Body: packed, Sign: ed25519.Sign(key, signed(kind, packed))})
}

// open returns the body of an envelope, if a trusted key signed it.
func (s KeySet) open(data []byte, kind string, into any) error {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("read an envelope: %w", err)
	}
	key, ok := s.find(e.Key)
	if e.Kind != kind || !ok || !ed25519.Verify(key, signed(kind, e.Body), e.Sign) {
		return fmt.Errorf("%s by key %.20q: %w", e.Kind, e.Key, errUntrusted)
	}
	return unpack(e.Body, into)
}

// follow walks a history of key sets from s on. Sets that are older, or signed by nobody in the set before, change nothing.
func (s KeySet) follow(history [][]byte) KeySet {
	for _, data := range history {
		var next KeySet
		if err := s.open(data, kindKeys, &next); err == nil && next.Serial > s.Serial && len(next.Keys) > 0 {
			s = next
		}
	}
	return s
}

// maxUnpacked bounds what a packed body may grow to: a state of 10,000 segments takes a tenth.
const maxUnpacked = 64 << 20

// small is the size of a body that is not worth compressing: the work would cost more than the bytes.
const small = 8 << 10

// pack returns v as JSON, compressed when it is long: states repeat themselves.
func pack(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if len(text) <= small {
		return text, nil
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is a constant
	if _, err := z.Write(text); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return b.Bytes(), nil
}

// expand returns the JSON of a packed body.
func expand(data []byte) ([]byte, error) {
	if len(data) == 0 || data[0] != 0x1f { // the first byte of gzip (RFC 1952 section 2.3.1); no JSON begins so
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(z, maxUnpacked+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("unpack: %w", err)
	case len(text) > maxUnpacked:
		return nil, fmt.Errorf("unpack: over %d bytes: %w", maxUnpacked, errTooLarge)
	}
	return text, nil
}

// unpack reads what pack wrote.
func unpack(data []byte, into any) error {
	text, err := expand(data)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	return nil
}
