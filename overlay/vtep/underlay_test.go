//go:build linux || darwin

package vtep

import (
	"bytes"
	"errors"
	"net"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/net/ipv4"
	"pgregory.net/rapid"
)

// fakeBatch takes datagrams as a socket does, as many at a time as it likes, and refuses what refuse says.
type fakeBatch struct {
	most   int
	refuse func(m ipv4.Message) error
	got    []string // "port bytes"
}

func (f *fakeBatch) ReadBatch([]ipv4.Message, int) (int, error) { return 0, net.ErrClosed }

func (f *fakeBatch) WriteBatch(messages []ipv4.Message, _ int) (int, error) {
	for i, m := range messages {
		if err := f.refuse(m); err != nil {
			if i == 0 {
				return -1, err // as sendmmsg(2)
			}
			return i, nil
		}
		if i == f.most {
			return i, nil
		}
		for _, b := range m.Buffers {
			f.got = append(f.got, m.Addr.String()+" "+string(b))
		}
	}
	return len(messages), nil
}

// TestOutboxSendsAllInOrder gives an outbox any datagrams, and expects each at its receiver in order, whatever of them the system takes together.
func TestOutboxSendsAllInOrder(t *testing.T) {
	t.Parallel()
	receivers := []*net.UDPAddr{{IP: net.IPv4(192, 0, 2, 2), Port: 4789}, {IP: net.IPv4(192, 0, 2, 3), Port: 4789}}
	rapid.Check(t, func(t *rapid.T) {
		f := &fakeBatch{most: rapid.IntRange(1, 5).Draw(t, "at a time"), refuse: func(m ipv4.Message) error {
			for _, b := range m.Buffers[:len(m.Buffers)-1] {
				if len(b) != len(m.Buffers[0]) {
					t.Fatalf("a message is to be cut into %d bytes and holds a datagram of %d before its last", len(m.Buffers[0]), len(b))
				}
			}
			total := 0
			for _, b := range m.Buffers {
				total += len(b)
			}
			if last := m.Buffers[len(m.Buffers)-1]; len(last) > len(m.Buffers[0]) || len(m.Buffers) > cutMost || total > cutBytes {
				t.Fatalf("a message of %d datagrams has %d bytes, the last of them %d", len(m.Buffers), total, len(last))
			}
			return nil
		}}
		u := &underlay{count: &counters{}, batch: f}
		u.cut.Store(rapid.Bool().Draw(t, "cut"))
		o := &outbox{u: u}
		for range rapid.IntRange(1, 3).Draw(t, "rounds") {
			var want []string
			f.got = nil
			for range rapid.IntRange(0, 100).Draw(t, "datagrams") {
				to := receivers[rapid.IntRange(0, 1).Draw(t, "to")]
				b := bytes.Repeat([]byte{byte('a' + len(want)%26)}, rapid.SampledFrom([]int{22, 100, 1472, 9000}).Draw(t, "size"))
				o.add(b, to)
				want = append(want, to.String()+" "+string(b))
			}
			o.flush()
			if !slices.Equal(f.got, want) {
				t.Fatalf("%d datagrams were sent, want %d, in order", len(f.got), len(want))
			}
		}
		if u.count.failed.Load() > 0 {
			t.Fatalf("%d failed", u.count.failed.Load())
		}
	})
}

func TestOutboxWhenTheSystemRefuses(t *testing.T) {
	t.Parallel()
	peer, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	to := peer.LocalAddr().(*net.UDPAddr)
	for _, c := range []struct {
		name            string
		err             error
		alone, together bool // which of them are refused
		sent, failed    uint64
		cutsAfter       bool
	}{
		{"nothing", nil, false, false, 4, 0, true},
		{"what is to be cut, for good", syscall.EIO, false, true, 4, 0, !cannotCut(syscall.EIO)},
		{"what is to be cut, this time", syscall.EINVAL, false, true, 4, 0, true},
		{"a single one", syscall.EPERM, true, false, 3, 1, true},
		{"all, since the socket is closed", net.ErrClosed, true, true, 0, 4, true},
	} {
		f := &fakeBatch{most: 9, refuse: func(m ipv4.Message) error {
			if one := len(m.Buffers) == 1; one && c.alone || !one && c.together {
				return c.err
			}
			return nil
		}}
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		u := &underlay{count: &counters{}, batch: f, conn: conn}
		u.cut.Store(true)
		o := &outbox{u: u}
		for _, size := range []int{100, 100, 50, 200} {
			o.add(make([]byte, size), to)
		}
		if errors.Is(c.err, net.ErrClosed) {
			o.messages = o.messages[:0]
			o.sizes, o.bytes = nil, nil
			for _, size := range []int{100, 200, 300, 400} {
				o.add(make([]byte, size), to)
			}
		}
		o.flush()
		if got := u.count; got.sent.Load() != c.sent || got.failed.Load() != c.failed || u.cut.Load() != c.cutsAfter {
			t.Errorf("%s refused: %d sent, %d failed, cuts %v, want %d, %d, %v", c.name, got.sent.Load(), got.failed.Load(), u.cut.Load(), c.sent, c.failed, c.cutsAfter)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}
