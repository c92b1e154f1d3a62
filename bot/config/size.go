package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes.
type Size int64

// units are what a size can be written in, largest first.
func units() []struct {
	name string
	is   Size
} {
	return []struct {
		name string
		is   Size
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}
}

// ParseSize reads a whole number of bytes, or of KiB, MiB or GiB: 4096, 256KiB.
func ParseSize(text string) (Size, error) {
	number, unit := strings.TrimSpace(text), Size(1)
	for _, u := range units() {
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = n, u.is
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%q is no number of bytes; write one such as 256KiB", clip(text))
	}
	return Size(n) * unit, nil
}

// String writes s so that ParseSize reads it back, in the largest unit that fits.
func (s Size) String() string {
	for _, u := range units() {
		if s >= u.is && s%u.is == 0 {
			return strconv.FormatInt(int64(s/u.is), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}
