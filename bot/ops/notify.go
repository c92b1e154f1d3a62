package ops

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Notifier speaks sd_notify(3) to the service manager. Where none listens every call does nothing.
type Notifier struct {
	send     func(message string) error // nil: nobody listens
	interval time.Duration              // of the watchdog, 0: none
}

// NewNotifier returns a notifier for the manager that the environment names (NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID).
func NewNotifier(getenv func(string) string) *Notifier {
	n := &Notifier{}
	path := getenv("NOTIFY_SOCKET")
	if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "@") { // vsock addresses are for machines
		return n
	}
	n.send = func(message string) error { return datagram(path, message) }
	if pid := getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return n
	}
	if usec, err := strconv.ParseUint(getenv("WATCHDOG_USEC"), 10, 63); err == nil {
		n.interval = time.Duration(usec) * time.Microsecond
	}
	return n
}

func datagram(path, message string) error {
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify the service manager on %s: %w", path, err)
	}
	_, err = c.Write([]byte(message))
	if cerr := c.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("notify the service manager on %s: %w", path, err)
	}
	return nil
}

// Ready tells that the start, or a reload, is over.
func (n *Notifier) Ready(status string) error { return n.tell("READY=1", status) }

// Status tells in one line how things are.
func (n *Notifier) Status(status string) error { return n.tell("", status) }

// Reloading tells that a reload has begun; Ready ends it. The time goes into the same datagram, as Type=notify-reload wants it.
func (n *Notifier) Reloading() error {
	return n.tell(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", monotonic().Microseconds()), "reloading the configuration")
}

// Stopping tells that the program is on its way out.
func (n *Notifier) Stopping() error { return n.tell("STOPPING=1", "stopping") }

func (n *Notifier) tell(state, status string) error {
	if n.send == nil {
		return nil
	}
	var parts []string
	if state != "" {
		parts = append(parts, state)
	}
	if status != "" {
		parts = append(parts, "STATUS="+strings.Map(printable, status))
	}
	return n.send(strings.Join(parts, "\n"))
}

// printable keeps a status on its one line: a line break in it would start another assignment.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

// Watchdog feeds the manager's watchdog until ctx ends, as long as the last beat of the engine is younger than the watchdog's interval:
// a program whose engine hangs is restarted although its other parts still run. Without a watchdog it returns at once.
func (n *Notifier) Watchdog(ctx context.Context, beat func() time.Time) error {
	if n.send == nil || n.interval <= 0 {
		return nil
	}
	tick := time.NewTicker(n.interval / 3) // sd_watchdog_enabled(3) asks for every half of it
	defer tick.Stop()
	for {
		if time.Since(beat()) < n.interval {
			if err := n.send("WATCHDOG=1"); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
