package overlay

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ProbeEthertype is what probes bear inside a segment: the first Ethertype for local experiments (IEEE 802, 88B5), which no IP stack hears.
const ProbeEthertype = 0x88b5

// ProbeMin is the size of the smallest probe in bytes, Ethernet header not counted. An answer is never larger than what asked for it.
const ProbeMin = 96

// probeMagic opens every probe; the last byte is the version.
const probeMagic = "obp\x01"

// ProbeFrame is what a probe carries inside a segment, behind the Ethernet header.
type ProbeFrame struct {
	Answer bool
	VNI    VNI    // of the segment in which the sender sent it
	Size   int    // bytes of the question, as they were seen
	Nonce  uint64 // an answer repeats that of the question
	Node   string // who sends, at most 63 bytes
}

// Append appends f to b, filled with zeros up to size bytes, which is at least [ProbeMin].
func (f ProbeFrame) Append(b []byte, size int) []byte {
	kind, end := byte(1), len(b)+max(size, ProbeMin)
	if f.Answer {
		kind = 2
	}
	b = append(b, probeMagic...)
	b = append(b, kind, byte(min(len(f.Node), 63)))
	b = binary.BigEndian.AppendUint16(b, uint16(f.Size))
	b = binary.BigEndian.AppendUint32(b, uint32(f.VNI))
	b = binary.BigEndian.AppendUint64(b, f.Nonce)
	b = append(b, f.Node[:min(len(f.Node), 63)]...)
	return append(b, make([]byte, end-len(b))...)
}

// errNoProbe says that bytes are not a probe.
var errNoProbe = errors.New("not a probe")

// ParseProbeFrame reads what Append wrote. It reads bytes of strangers: the name of the node is checked as any name.
func ParseProbeFrame(b []byte) (ProbeFrame, error) {
	if len(b) < ProbeMin || string(b[:4]) != probeMagic || b[4] < 1 || b[4] > 2 || b[5] > 63 {
		return ProbeFrame{}, errNoProbe
	}
	f := ProbeFrame{
		Answer: b[4] == 2, Size: int(binary.BigEndian.Uint16(b[6:])), VNI: VNI(binary.BigEndian.Uint32(b[8:])),
		Nonce: binary.BigEndian.Uint64(b[12:]), Node: string(b[20 : 20+int(b[5])]),
	}
	if err := CheckName("node", f.Node); err != nil {
		return ProbeFrame{}, fmt.Errorf("%w: %w", errNoProbe, err)
	}
	return f, nil
}
