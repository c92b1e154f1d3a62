package terminal_test

import (
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// vt is a terminal small enough to be right: it shows what a person would see after everything that was written, and its keys are typed by
// the test. Everything that scrolled off the top is kept in front.
type vt struct {
	t             *testing.T
	width, height int

	mu       sync.Mutex
	changed  *sync.Cond
	rows     [][]rune
	x, y     int // y from the first row that is kept
	top      int
	wrapNext bool
	pending  []byte // of a sequence that is not complete

	keys  chan []byte
	ahead []byte
	once  sync.Once
	woken chan struct{}
}

func newVT(t *testing.T, width, height int) *vt {
	v := &vt{t: t, width: width, height: height, rows: [][]rune{nil}, keys: make(chan []byte, 100), woken: make(chan struct{})}
	v.changed = sync.NewCond(&v.mu)
	return v
}

func (v *vt) Size() (int, int) { return v.width, v.height }

func (v *vt) Wake() { v.once.Do(func() { close(v.woken) }) }

func (v *vt) typeKeys(keys string) { v.keys <- []byte(keys) }

func (v *vt) Read(p []byte) (int, error) {
	if len(v.ahead) == 0 {
		select {
		case v.ahead = <-v.keys:
		case <-v.woken:
			return 0, io.EOF
		}
	}
	n := copy(p, v.ahead)
	v.ahead = v.ahead[n:]
	return n, nil
}

func (v *vt) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	in := append(v.pending, p...)
	for len(in) > 0 {
		n := v.one(in)
		if n == 0 {
			break
		}
		in = in[n:]
	}
	v.pending = append([]byte(nil), in...)
	v.changed.Broadcast()
	return len(p), nil
}

// one obeys the first character or sequence of in and returns its length, 0 if it is not complete.
func (v *vt) one(in []byte) int {
	switch in[0] {
	case '\r':
		v.x, v.wrapNext = 0, false
		return 1
	case '\n':
		v.down()
		return 1
	case 0x1b:
		return v.sequence(in)
	}
	if !utf8.FullRune(in) {
		return 0
	}
	r, n := utf8.DecodeRune(in)
	if v.wrapNext {
		v.x = 0
		v.down()
	}
	v.put(r)
	return n
}

func (v *vt) put(r rune) {
	row := v.rows[v.y]
	for len(row) <= v.x {
		row = append(row, ' ')
	}
	row[v.x] = r
	v.rows[v.y] = row
	v.wrapNext = v.x == v.width-1
	if !v.wrapNext {
		v.x++
	}
}

func (v *vt) down() {
	v.y++
	v.wrapNext = false
	for len(v.rows) <= v.y {
		v.rows = append(v.rows, nil)
	}
	v.top = max(v.top, v.y-v.height+1)
}

func (v *vt) sequence(in []byte) int {
	if len(in) < 3 {
		return 0
	}
	if in[1] != '[' {
		v.t.Errorf("the terminal got a sequence it does not know: %q", in[:2])
		return 2
	}
	end := 2
	for end < len(in) && (in[end] >= '0' && in[end] <= '9' || in[end] == ';' || in[end] == '?') {
		end++
	}
	if end == len(in) {
		return 0
	}
	n, err := strconv.Atoi(string(in[2:end]))
	if err != nil || n == 0 {
		n = 1
	}
	v.wrapNext = false
	switch in[end] {
	case 'A':
		v.y = max(v.y-n, v.top)
	case 'B':
		v.y = min(v.y+n, v.top+v.height-1)
	case 'C':
		v.x = min(v.x+n, v.width-1)
	case 'D':
		v.x = max(v.x-n, 0)
	case 'K':
		v.rows[v.y] = v.rows[v.y][:min(v.x, len(v.rows[v.y]))]
	case 'J':
		v.rows[v.y] = v.rows[v.y][:min(v.x, len(v.rows[v.y]))]
		v.rows = v.rows[:v.y+1]
	case 'm':
	default:
		v.t.Errorf("the terminal got a sequence it does not know: %q", in[:end+1])
	}
	for len(v.rows) <= v.y {
		v.rows = append(v.rows, nil)
	}
	return end + 1
}

func (v *vt) text() string {
	var b strings.Builder
	for _, row := range v.rows {
		b.WriteString(strings.TrimRight(string(row), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// await waits until the whole of what was ever shown reads like want.
func (v *vt) await(want string) {
	v.t.Helper()
	late := false
	timer := time.AfterFunc(10*time.Second, func() {
		v.mu.Lock()
		late = true
		v.mu.Unlock()
		v.changed.Broadcast()
	})
	defer timer.Stop()
	v.mu.Lock()
	defer v.mu.Unlock()
	for v.text() != want {
		if late {
			v.t.Fatalf("the screen shows\n%s\nwant\n%s", v.text(), want)
		}
		v.changed.Wait()
	}
}
