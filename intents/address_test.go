package intents_test

import (
	"testing"

	"github.com/shitops/opsbot/intents"
)

// TestAddresses tells what a node's address may be.
func TestAddresses(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	for said, want := range map[string]string{
		"192.0.2.19": "192.0.2.19", "2001:DB8::19": "2001:db8::19", "Edge-9.Example.NET": "edge-9.example.net", "127.0.0.1": "127.0.0.1",
		"192.0.2.300": "", "192.0.2": "", "0.0.0.0": "", "224.0.0.1": "", "255.255.255.255": "", "fe80::1%eth0": "", "-a.example": "", "a..example": "",
		"192.0.2.19:22": "", "http://192.0.2.19/": "", "edge9": "", "exa_mple.net": "",
	} {
		text := "add node edge-77 at " + said
		out := say(t, p, text)
		got := ""
		if out.Decision == intents.Act {
			got = out.Commands[0].Slots.One("address")
		}
		if got != want {
			t.Errorf("Parse(%q) = %s because %s, want the address %q", text, brief(out), out.Because, want)
		}
	}
}

// TestStarts reads when a downtime begins, in the zone of who speaks, and how long it is from there.
func TestStarts(t *testing.T) {
	t.Parallel()
	p := worldParser(t) // it is Sunday, 2026-03-01 12:00 in Berlin
	for text, want := range map[string]string{
		"downtime edge-1 from 22:00 to 02:00":                          "2026-03-01T22:00:00+01:00 4h0m0s",
		"downtime edge-1 between 11pm and midnight":                    "2026-03-01T23:00:00+01:00 1h0m0s",
		"downtime edge-1 from 11:00 until 12:30":                       "not done", // the one that runs, or tomorrow's?
		"downtime edge-1 from 9 to 11am":                               "2026-03-02T09:00:00+01:00 2h0m0s",
		"downtime edge-1 from 9 to 11":                                 "not done",
		"downtime edge-1 between 6pm and 20:00":                        "2026-03-01T18:00:00+01:00 2h0m0s",
		"downtime edge-1 at tomorrow 02:00 for 2h":                     "2026-03-02T02:00:00+01:00 2h0m0s",
		"downtime edge-1 at 2026-03-03 04:00 for an hour":              "2026-03-03T04:00:00+01:00 1h0m0s",
		`downtime edge-1 from "2026-03-03T04:00:00+02:00" for an hour`: "2026-03-03T04:00:00+02:00 1h0m0s",
		`downtime edge-1 for 1h --start "2026-03-03T04:00:00+02:00"`:   "2026-03-03T04:00:00+02:00 1h0m0s",
		"downtime edge-1 until 6pm":                                    " 6h0m0s",
		"downtime edge-1 at 2026-02-03 04:00 for an hour":              "not done",
		"downtime edge-1 at 2026-05-03 04:00 for an hour":              "not done",
		"downtime edge-1 from 22:00":                                   "not done",
	} {
		out := say(t, p, text)
		got := "not done"
		if out.Decision == intents.Act {
			got = out.Commands[0].Slots.One("start") + " " + out.Commands[0].Slots.One("duration")
		}
		if got != want {
			t.Errorf("Parse(%q) = %s because %s, want %q", text, brief(out), out.Because, want)
		}
	}
}

// TestStartsCanBeTypedAgain: the canonical text of a downtime with a beginning means the same.
func TestStartsCanBeTypedAgain(t *testing.T) {
	t.Parallel()
	p := worldParser(t)
	first := say(t, p, "schedule a downtime for edge-1 and edge-2 from 22:00 to 02:00 because disks")
	again := say(t, p, first.Commands[0].Canonical())
	if len(again.Commands) != 1 || again.Commands[0].Canonical() != first.Commands[0].Canonical() || again.Commands[0].Slots.One("start") != "2026-03-01T22:00:00+01:00" {
		t.Errorf("%q, said again, is %s", first.Commands[0].Canonical(), brief(again))
	}
}
