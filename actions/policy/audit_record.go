package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/internal/secret"
)

// The most that is kept of one text, of the values of one slot, and of a whole entry, in bytes and pieces. A log record may hold 1 MiB, an entry
// stays far below, so that a hundred of them can be read at once.
const (
	maxText   = 2000
	maxValues = 1000
	maxEntry  = 256 << 10
)

// record is one link of the chain as it is stored. Entry is kept as the bytes that were hashed, so that a program that does not know all of its
// fields can still check it.
type record struct {
	Prev  string          `json:"prev"` // Hash of the record before; empty for the first of all
	Nonce string          `json:"nonce"`
	Entry json.RawMessage `json:"entry"`
	Hash  string          `json:"hash"`
}

// encode returns the entry as canonical JSON: fields in the order of the type, keys of maps sorted, no spaces.
func encode(e Entry) ([]byte, error) {
	e.At = e.At.UTC().Round(0)
	e.Text, e.Why = tidy(e.Text), tidy(e.Why)
	e.Actor.Name, e.Actor.As, e.Actor.Owner = tidy(e.Actor.Name), tidy(e.Actor.As), tidy(e.Actor.Owner)
	e.Origin.Channel, e.Origin.Thread, e.Origin.Message = tidy(e.Origin.Channel), tidy(e.Origin.Thread), tidy(e.Origin.Message)
	e.Slots = tidySlots(e.Slots)
	body, err := json.Marshal(e)
	if err != nil || len(body) <= maxEntry {
		return body, err
	}
	e.Slots = map[string][]string{"cut": slices.Sorted(maps.Keys(e.Slots))}
	return json.Marshal(e)
}

// tidy cuts a text at maxText bytes, between characters, and blanks what looks like a token.
func tidy(text string) string {
	text = secret.Scrub(text)
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s… (%d bytes in all)", text[:end], len(text))
}

func tidySlots(slots map[string][]string) map[string][]string {
	if len(slots) == 0 {
		return nil
	}
	out := make(map[string][]string, len(slots))
	for name, values := range slots {
		kept := make([]string, 0, min(len(values), maxValues+1))
		for _, v := range values[:min(len(values), maxValues)] {
			kept = append(kept, tidy(v))
		}
		if more := len(values) - maxValues; more > 0 {
			kept = append(kept, fmt.Sprintf("… and %d more", more))
		}
		out[name] = kept
	}
	return out
}

// seal binds a body to the record before it. The nonce keeps two equal decisions behind the same link apart.
func seal(prev, nonce string, body []byte) record {
	return record{Prev: prev, Nonce: nonce, Entry: body, Hash: digest(prev, nonce, body)}
}

func digest(prev, nonce string, body []byte) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s\n%s\n", prev, nonce) // a hash takes every write
	_, _ = h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

func (r record) bytes() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic("policy: audit record that JSON cannot hold: " + err.Error()) // its only foreign part was made by json.Marshal
	}
	return b
}

// open decodes a stored record without checking its hash.
func open(rec store.Record) (record, error) {
	var r record
	if err := json.Unmarshal(rec.Data, &r); err != nil {
		return r, fmt.Errorf("audit record %d: %w: %w", rec.Sequence, ErrBroken, err)
	}
	return r, nil
}
