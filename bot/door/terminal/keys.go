package terminal

import (
	"bytes"
	"io"
	"time"
)

// The control characters that are looked at before the line editor sees them.
const (
	ctrlC = 0x03
	ctrlE = 0x05 // the line editor: to the end of the line
	ctrlU = 0x15 // the line editor: erase up to the cursor
)

// again is how soon the second Ctrl-C must follow the first to mean it.
const again = 2 * time.Second

// keys stands between the screen and the line editor, which takes Ctrl-C for the end of input.
type keys struct {
	in      io.Reader
	entered func(lines int) // told before the editor sees them
	warn    func()          // at the first Ctrl-C

	ahead []byte
	last  time.Time // of a Ctrl-C with no key after it
}

// Read hands keys on. A Ctrl-C becomes "clear the line"; a second one within two seconds is handed on.
func (k *keys) Read(p []byte) (int, error) {
	if len(k.ahead) == 0 {
		buf := make([]byte, 256)
		n, err := k.in.Read(buf)
		if n == 0 {
			return 0, err
		}
		k.ahead = k.translate(buf[:n])
	}
	n := copy(p, k.ahead)
	k.ahead = k.ahead[n:]
	if lines := ends(p[:n]); lines > 0 {
		k.entered(lines)
	}
	return n, nil
}

// ends counts the lines that the editor will see entered: it takes CR, LF and both together for one end.
func ends(keys []byte) int {
	return bytes.Count(keys, []byte{'\r'}) + bytes.Count(keys, []byte{'\n'}) - bytes.Count(keys, []byte("\r\n"))
}

func (k *keys) translate(in []byte) []byte {
	out := make([]byte, 0, len(in)+8)
	for _, c := range in {
		switch {
		case c != ctrlC:
			k.last = time.Time{}
			out = append(out, c)
		case !k.last.IsZero() && time.Since(k.last) < again:
			out = append(out, ctrlC)
		default:
			k.last = time.Now()
			out = append(out, ctrlE, ctrlU)
			k.warn()
		}
	}
	return out
}
