package agent

import (
	"strconv"
	"strings"

	"github.com/shitops/opsbot/actions/store"
)

// IncarnationOf names a life of a store's data in generations: its number, by which a later one is known, and its id.
func IncarnationOf(i store.Incarnation) string {
	return strconv.FormatUint(uint64(i.Number), 10) + "-" + strings.ToLower(i.ID)
}

// number is the part of an incarnation that grows.
func number(incarnation string) uint64 {
	n, _, _ := strings.Cut(incarnation, "-")
	v, _ := strconv.ParseUint(n, 10, 64) // what is no number is older than all
	return v
}

// newer tells whether a began after b.
func newer(a, b string) bool { return number(a) > number(b) }
