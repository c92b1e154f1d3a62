package intents

import "fmt"

// kind is the type of a slot: it says how words become a value.
type kind uint8

// The kinds. Those up to kindJob are names of the inventory.
const (
	kindNone kind = iota
	kindNode
	kindSite
	kindDeployment
	kindTenant
	kindSegment
	kindPerson
	kindRule
	kindJob
	kindPlatform
	kindURL
	kindPrefix
	kindTag
	kindRun
	kindState
	kindDuration
	kindPeriod
	kindRate
	kindCount
	kindVNI
	kindTopic
	kindText
	kindReason
	kindService
	kindSchedule
	kindCommand
	kindJobName
	kindAddress
	kindTime
	kinds // how many there are
)

// kindNames are the words that catalogue files use, in the order of the constants.
var kindNames = [kinds]string{
	"", "node", "site", "deployment", "tenant", "segment", "person", "rule", "job", "platform", "url", "prefix",
	"tag", "run", "state", "duration", "period", "rate", "count", "vni", "topic", "text", "reason", "service", "schedule",
	"command", "jobname", "address", "time",
}

// String returns the word for k in catalogue files.
func (k kind) String() string { return kindNames[k] }

// parseKind returns the kind called name.
func parseKind(name string) (kind, error) {
	for k := kindNode; k < kinds; k++ {
		if kindNames[k] == name {
			return k, nil
		}
	}
	return kindNone, fmt.Errorf("slot type %q is not known", name)
}

// named reports whether values of kind k are names of the inventory.
func (k kind) named() bool { return k >= kindNode && k <= kindJob }

// flagAlias returns the second name of a slot's flag: `--for 2h` fills a duration.
func (k kind) flagAlias() string {
	switch k {
	case kindDuration:
		return "for"
	case kindPeriod:
		return "last"
	}
	return ""
}

// states are the states of a run that can be asked for.
func states() []string {
	return []string{"waiting", "running", "done", "failed", "undone", "cancelled"}
}
