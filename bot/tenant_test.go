package bot_test

import (
	"strings"
	"testing"

	"github.com/shitops/opsbot/bot/door"
)

// twoTenants is a house of two tenants: otto may act for acme alone, rita for rival, dora for none, and anna for all.
const twoTenants = `
people:
  - {name: anna, roles: [operator], unix: [anna, root]}
  - {name: otto, roles: [acme], unix: [otto]}
  - {name: rita, roles: [rival, asks], unix: [rita]}
  - {name: dora, roles: [none], unix: [dora]}
roles:
  - {name: operator, may: ["*"]}
  - {name: acme, may: ["segment.*", "run.*"], tenants: [acme]}
  - {name: rival, may: ["segment.*", "run.*"], tenants: [rival]}
  - {name: none, may: ["segment.*"], tenants: []}
  - {name: asks, may: [help, "schedule.*"]}
inventory:
  tenants: [acme, rival]
  nodes: [{name: edge-1, address: 192.0.2.11, site: berlin}]
`

// startTenants starts the house of two tenants, each of which has a segment.
func startTenants(t *testing.T) *house {
	t.Helper()
	dir := folder(t)
	file := configure(t, dir, "")
	rewriteFile(t, file, people, twoTenants)
	h := startIn(t, dir, file)
	h.expect(h.say("create segment studio-a of acme", as("otto")), door.OK, "tenant acme")
	h.expect(h.say("create segment studio-b of rival", as("rita")), door.OK, "tenant rival")
	return h
}

// TestSegmentsOfOtherTenants: whoever acts for one tenant cannot touch, look at, or learn of the segments of another.
func TestSegmentsOfOtherTenants(t *testing.T) {
	t.Parallel()
	h := startTenants(t)
	for _, line := range []string{
		"show segment studio-b", "verify segment studio-b", "attach edge-1 to studio-b", "detach edge-1 from studio-b", "delete segment studio-b",
		"create segment studio-c of rival", "list segments of rival", "attach edge-1 to studio-b --dry-run", "delete segment studio-b --by-hand",
	} {
		s := h.expect(h.say(line, as("otto"), withYes), door.Refused, "role acme may segment.", "for tenant acme, not for segment", "of tenant rival", "list segments")
		if strings.Contains(s.text(), "VNI") || strings.Contains(s.text(), "100.") {
			t.Errorf("%s tells of what is refused:\n%s", line, s.text())
		}
	}
	h.expect(h.say("create segment studio-c", as("otto"), withYes), door.Refused, "for tenant acme, not for segment studio-c of no tenant", "says for which tenant it is")
	h.expect(h.say("show segment studio-b", as("dora")), door.Refused, "for no tenant, not for segment studio-b of tenant rival")
	h.expect(h.say("show segment studio-b"), door.OK, "studio-b", "tenant rival")
	h.expect(h.say("show segment studio-a", as("otto")), door.OK, "tenant acme")
	h.expect(h.say("verify segment studio-a", as("otto")), door.OK, "studio-a")
	h.expect(h.say("delete segment studio-a", as("otto"), withYes), door.OK, "studio-a")
}

// TestListOfSegmentsIsOnesOwn: the list, what it counts, and what it says of unknown names hold no other tenant.
func TestListOfSegmentsIsOnesOwn(t *testing.T) {
	t.Parallel()
	h := startTenants(t)
	for who, want := range map[string][2]string{"otto": {"studio-a", "studio-b"}, "rita": {"studio-b", "studio-a"}} {
		s := h.expect(h.say("list segments", as(who)), door.OK, "1 segment", want[0])
		if strings.Contains(s.text(), want[1]) {
			t.Errorf("%s sees %s:\n%s", who, want[1], s.text())
		}
	}
	h.expect(h.say("list segments of acme", as("otto")), door.OK, "1 of 1 segment", "studio-a")
	h.expect(h.say("list segments"), door.OK, "2 segments", "studio-a", "studio-b")
	s := h.expect(h.say("list segments", as("dora")), door.OK, "there are no segments")
	if strings.Contains(s.text(), "studio") {
		t.Errorf("who may act for no tenant sees:\n%s", s.text())
	}
}

// TestRunsOfOtherTenants: the runs that made a segment cannot be undone, and its deletion not taken back, by whom it is not.
func TestRunsOfOtherTenants(t *testing.T) {
	t.Parallel()
	h := startTenants(t)
	made := h.say("create segment studio-d of rival", as("rita")).last().Run
	h.expect(h.say("undo "+made, as("otto"), withYes), door.Refused, "for tenant acme, not for segment studio-d of tenant rival")
	gone := h.expect(h.say("delete segment studio-d", as("rita"), withYes), door.OK).last().Run
	h.expect(h.say("undo "+gone, as("otto"), withYes), door.Refused, "not for segment studio-d of tenant rival")
	h.expect(h.say("undo "+gone, as("rita"), withYes), door.OK)
	h.expect(h.say("show segment studio-d", as("rita")), door.OK, "tenant rival")
}

// TestJobsOfTenants: a job is bound to the rights of who makes it.
func TestJobsOfTenants(t *testing.T) {
	t.Parallel()
	h := startTenants(t)
	h.expect(h.say(`schedule "delete segment studio-a" @daily as night`, as("rita"), withYes), door.Failure, "not for segment studio-a of tenant acme")
	h.expect(h.say(`schedule "verify segment studio-b" @daily as night`, as("rita"), withYes), door.OK)
	h.expect(h.say(`schedule "enrol edge-1" @daily as again`, withYes), door.Failure, "is for a person who asks for it: no job can")
}
