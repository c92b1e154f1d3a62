package intents

import (
	"net/netip"
	"strings"
)

// address reads where a node is: an IP address, or the name of a host with a dot in it.
func (m *matcher) address(i int) int {
	t := &m.toks[i]
	if !isAddress(t.raw) {
		return -1
	}
	m.vals = append(m.vals, strings.ToLower(t.raw))
	return i + 1
}

// isAddress reports whether w is an address that a node can have: no port, no path, nothing that stands for several machines or for none.
func isAddress(w string) bool {
	if a, err := netip.ParseAddr(w); err == nil {
		return !a.IsUnspecified() && !a.IsMulticast() && a.Zone() == "" && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
	}
	const most = 253 // RFC 1035 section 3.1
	if len(w) > most || !strings.ContainsRune(w, '.') {
		return false
	}
	last := ""
	for label := range strings.SplitSeq(w, ".") {
		if !hostLabel(label) {
			return false
		}
		last = label
	}
	return !digits(last) // 192.0.2.300 is a slip and no name
}

// hostLabel reports whether s is a part of a host's name (RFC 1123 section 2.1).
func hostLabel(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-'
}
