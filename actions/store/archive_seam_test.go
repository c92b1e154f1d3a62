package store

import (
	"bytes"
	"encoding/json"
	"testing"
)

// Rewrite makes an export of changed lines whose checksums are right.
func Rewrite(t *testing.T, lines []string) []byte {
	t.Helper()
	var out bytes.Buffer
	a := newArchiver(&out)
	for _, text := range lines {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		var err error
		switch l.Kind {
		case lineSection:
			err = a.begin(l.Section, l.Last)
		case lineEnd:
			err = a.end()
		case lineTrailer:
			err = a.finish()
		default:
			err = a.put(l)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}
