package icinga

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// State is what a check found, in Icinga2's words.
type State string

// The states. Services have the first four, hosts the last two.
const (
	OK       State = "OK"
	Warning  State = "WARNING"
	Critical State = "CRITICAL"
	Unknown  State = "UNKNOWN"
	Up       State = "UP"
	Down     State = "DOWN"
)

// Good tells whether nothing is wrong.
func (s State) Good() bool { return s == OK || s == Up }

// severity orders states: the worse, the higher.
func (s State) severity() int {
	switch s {
	case Critical, Down:
		return 3
	case Unknown:
		return 2
	case Warning:
		return 1
	default:
		return 0
	}
}

// of tells whether a host (no service) or a service can be in that state.
func (s State) of(service string) bool {
	switch s {
	case OK, Warning, Critical, Unknown:
		return service != ""
	case Up, Down:
		return service == ""
	default:
		return false
	}
}

// stateOf translates the number that the API gives. Hosts have 0 and 1 only; their check results are on the services' scale, which is
// another attribute.
func stateOf(service string, n float64) State {
	switch {
	case service == "" && n == 0:
		return Up
	case service == "":
		return Down
	case n == 0:
		return OK
	case n == 1:
		return Warning
	case n == 2:
		return Critical
	default:
		return Unknown
	}
}

// StateType says whether the state has been confirmed by as many checks as the object asks for.
type StateType string

// The types of a state.
const (
	Soft StateType = "SOFT"
	Hard StateType = "HARD"
)

// name is how Icinga2 writes an object: "host" or "host!service".
func name(host, service string) string {
	if service == "" {
		return host
	}
	return host + "!" + service
}

// checkName refuses what cannot be the name of an object. Icinga2 itself forbids "!" alone; a line end or a zero byte in a name is somebody's
// attempt to write into a log or a header.
func checkName(host, service string) error {
	for _, n := range []struct{ what, value string }{{"host", host}, {"service", service}} {
		switch {
		case n.what == "host" && n.value == "":
			return errors.New("the name of the host is empty")
		case len(n.value) > maxName:
			return fmt.Errorf("the name of the %s has %d bytes, at most %d are taken", n.what, len(n.value), maxName)
		case strings.ContainsFunc(n.value, func(r rune) bool { return r == '!' || r < ' ' || r == 0x7f || r == '\uFFFD' }):
			return fmt.Errorf("%s %q: a name holds no \"!\" and no control characters", n.what, clip(n.value))
		}
	}
	return nil
}

// maxName bounds the names of hosts and services, in bytes: a DNS name has 253 (RFC 1035 section 3.1), Icinga DB's column 255 characters.
const maxName = 255

// seconds is how the API writes a time; 0 and -1 mean never.
func seconds(s float64) time.Time {
	if s <= 0 || s > 1<<40 {
		return time.Time{}
	}
	// The whole part apart: a float64 keeps about 0.2 µs of a time of today, and the floor must not be rounded up.
	whole := int64(s)
	return time.Unix(whole, int64((s-float64(whole))*1e6)*1000).UTC()
}

// unix is the other way.
func unix(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
