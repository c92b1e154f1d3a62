package ops

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonic is the clock that systemd compares MONOTONIC_USEC with.
func monotonic() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0 // every Linux has this clock
	}
	return time.Duration(ts.Nano())
}
