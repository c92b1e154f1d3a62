package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// Record is a node that was added at run time, as the store holds it.
type Record struct {
	Schema int `json:"schema"`
	actions.Node
	By    string    `json:"by"`
	Since time.Time `json:"since"`
	Mark  string    `json:"mark"` // the step that added it: Do and Undo know their own by it
}

// recordSchema is the version of the record that this program writes.
const recordSchema = 1

// prefix is of the keys of nodes in the bucket of the inventory.
const prefix = "node."

// nodeName is what a node may be called: it becomes a key of the store and the name of a host in Icinga2.
var nodeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*([._-][A-Za-z0-9]+)*$`)

// nameMost is the longest name of a node, that of a label of a host name (RFC 1035 section 2.3.4).
const nameMost = 63

// checkName says what is wrong with a new name, or nil.
func checkName(name string) error {
	if len(name) > nameMost || !nodeName.MatchString(name) {
		return fmt.Errorf("a node cannot be called %.70q: want letters and digits, joined by single \"-\", \"_\" or \".\", a letter first, at most %d", name, nameMost)
	}
	return nil
}

// checkSite says what is wrong with the name of a new site, or nil.
func checkSite(site string) error {
	if checkName(site) != nil {
		return fmt.Errorf("a site cannot be called %.70q: want letters and digits, joined by single \"-\", \"_\" or \".\", a letter first", site)
	}
	return nil
}

// folded is a name without what people leave out when they type it: two nodes whose folded names are equal would be taken for each other.
func folded(name string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "", ".", "").Replace(name))
}

// checkAddress says what is wrong with an address, or nil. The parser has looked at its form.
func checkAddress(address string) error {
	if a, err := netip.ParseAddr(address); err == nil {
		if a.IsUnspecified() || a.IsMulticast() {
			return fmt.Errorf("%s is the address of no machine", address)
		}
		return nil
	}
	if address == "" || len(address) > 253 || strings.ContainsAny(address, " /:@!\"'\\") {
		return fmt.Errorf("which address? %.70q is neither an IP address nor the name of a host", address)
	}
	return nil
}

// decode reads a record. One of a later program is refused, not misread.
func decode(e store.Entry) (Record, error) {
	var r Record
	if err := json.Unmarshal(e.Value, &r); err != nil {
		return r, fmt.Errorf("read %s: %w", e.Key, err)
	}
	switch {
	case r.Schema != recordSchema:
		return r, fmt.Errorf("read %s: schema %d, only %d is known", e.Key, r.Schema, recordSchema)
	case prefix+r.Name != e.Key:
		return r, fmt.Errorf("read %s: holds node %q", e.Key, r.Name)
	}
	return r, nil
}

// again marks what the store could not do as worth another try.
func again(err error) error {
	if errors.Is(err, store.ErrUnknown) || errors.Is(err, store.ErrConflict) {
		return actions.Temporary{Err: err}
	}
	return err
}
