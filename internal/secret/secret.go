package secret

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Mask is what stands in the place of a secret.
const Mask = "***"

// Secret is a value that only Reveal gives away. The zero value is empty. It is safe for concurrent use.
//
// The bytes hide behind a function, because reflection (the %+v of a struct with an unexported field, a dumper in a test) reads fields, but
// cannot call what it finds.
type Secret struct{ reveal func() []byte }

// New returns a Secret with a copy of value.
func New(value []byte) Secret {
	own := bytes.Clone(value)
	return Secret{reveal: func() []byte { return bytes.Clone(own) }}
}

// Reveal returns a copy of the value exactly as it was read, a closing newline included: Varnish hashes its secret file with it.
func (s Secret) Reveal() []byte {
	if s.reveal == nil {
		return nil
	}
	return s.reveal()
}

// Line returns the value without the line end that editors leave at the end of a file: for passwords and tokens.
func (s Secret) Line() string { return string(bytes.TrimRight(s.Reveal(), "\r\n")) }

// Empty tells whether there is no value.
func (s Secret) Empty() bool { return len(s.Reveal()) == 0 }

// Equal compares in a time that does not depend on where the values differ.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare(s.Reveal(), other.Reveal()) == 1
}

// String returns the mask.
func (s Secret) String() string { return Mask }

// GoString returns the mask.
func (s Secret) GoString() string { return Mask }

// Format writes the mask for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Mask) } // the writer of fmt does not fail

// MarshalJSON returns the mask as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + Mask + `"`), nil }

// MarshalText returns the mask.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Mask), nil }

// MarshalYAML returns the mask.
func (s Secret) MarshalYAML() (any, error) { return Mask, nil }

// LogValue returns the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(Mask) }
