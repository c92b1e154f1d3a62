package embed

import (
	"strings"
	"unicode/utf8"
)

// What a message may hold (https://discord.com/developers/docs/resources/message#embed-object-embed-limits, /components/reference). Discord
// counts characters; we count UTF-16 units, which are never fewer.
const (
	maxContent     = 2000
	maxTitle       = 256
	maxDescription = 4096
	maxFooter      = 1024 // Discord takes 2048, but title, description and footer together may have 6000
	maxRows        = 5
	maxInRow       = 5
	maxOptions     = 25
	maxCustomID    = 100
	maxLabel       = 80  // of a button
	maxOption      = 100 // label and value of an option
	maxPlaceholder = 150
	maxModalTitle  = 45 // and the label of its text field
	maxAnswer      = 1000
	maxFile        = 8 << 20 // every server takes files of that size
)

// length counts UTF-16 units.
func length(text string) int {
	n := 0
	for _, r := range text {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// cut returns text in at most limit units, ended by an ellipsis where something is missing.
func cut(text string, limit int) string {
	if len(text) <= limit || length(text) <= limit {
		return text
	}
	n := 0
	for i, r := range text {
		w := 1
		if r > 0xffff {
			w = 2
		}
		if n+w > limit-1 {
			return strings.TrimRight(text[:i], " ") + "…"
		}
		n += w
	}
	return text
}

// cutBytes returns text in at most limit bytes, whole runes alone.
func cutBytes(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
