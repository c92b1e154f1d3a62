package reply

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// JSON renders a card as one line of JSON with a line break at its end. Everything that [Clean] shows as an escape is a JSON escape here, so
// that the line is safe on a terminal, too.
func JSON(c Card) ([]byte, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("render card %q as JSON: %w", c.Title, err)
	}
	return append(escape(raw), '\n'), nil
}

// escape replaces the runes that json.Marshal leaves as they are although they steer a terminal. They stand inside strings alone.
func escape(raw []byte) []byte {
	if clean(string(raw)) {
		return raw
	}
	var b bytes.Buffer
	for _, r := range string(raw) {
		switch {
		case r != utf8.RuneError && steers(r) && r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		case r != utf8.RuneError && steers(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.Bytes()
}
