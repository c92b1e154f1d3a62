package terminal

import (
	"strconv"
	"strings"

	"github.com/shitops/opsbot/bot/reply"
)

func itoa(n int) string { return strconv.Itoa(n) }

// clip cuts a line of a living card to the width of the screen, keeping its colours whole: a line that wraps by itself could not be counted.
func clip(line string, width int) string {
	if reply.Columns(line) <= width {
		return line
	}
	var b strings.Builder
	used := 0
	sgr := false
	for _, r := range line {
		switch {
		case r == 0x1b:
			sgr = true
		case sgr:
			sgr = r != 'm'
		default:
			used += reply.Columns(string(r))
			if used > width {
				return b.String() + reset(line)
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

func reset(line string) string {
	if strings.ContainsRune(line, 0x1b) {
		return "\x1b[0m"
	}
	return ""
}
