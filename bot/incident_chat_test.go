package bot_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	fake "github.com/shitops/opsbot/fixtures/slack"
)

// TestIncidentOnSlack: a problem that a real Icinga2 has is one message in the channel of alerts; its buttons act in Icinga2, with the rights of who
// presses; what somebody does in Icinga2 is seen there; and the message ends as resolved.
func TestIncidentOnSlack(t *testing.T) {
	t.Parallel()
	platform := fake.New(fake.Options{Team: slackTeam})
	t.Cleanup(platform.Close)
	platform.AddChannel(slackTalk, slackAlerts)
	platform.AddUser(slackAnna, slackBen, slackMallory)
	h := &slackHouse{platform: platform, mode: config.ModeSocket}
	s := startWatchedOn(t, twoEdges, func(dir, file string) {
		h.prepare(t, dir, file)
		rewriteFile(t, file, "escalate_after: 1m", "escalate_after: 1m, by: [slack, terminal]")
	}, func(o *bot.Options) { o.SlackBase = platform.URL() })
	h.house = s.house
	s.await(t, "the registration of the file's nodes", func() bool { return strings.Contains(s.holds(t, "services"), "edge-1!Stream Latency news") })

	down := func(status int, output string) {
		for range 3 { // as often as makes it hard
			s.call(t, "process-check-result", map[string]any{"type": "Host", "host": "edge-1", "exit_status": status, "plugin_output": output})
		}
	}
	down(1, "no answer")
	incident := h.sees(t, slackBen, slackAlerts, "edge-1", "DOWN")
	h.click(t, slackMallory, incident, "Acknowledge")
	h.sees(t, slackMallory, slackAlerts, "slack:"+slackTeam+"/"+slackMallory)
	h.click(t, slackBen, incident, "Acknowledge")
	s.await(t, "the acknowledgement in Icinga2", func() bool { return strings.Contains(s.holds(t, "comments"), `"author":"ben via opsbot"`) })
	acked := h.sees(t, slackBen, slackAlerts, "edge-1", "acknowledged", "ben")
	if acked.TS != incident.TS && acked.Thread != incident.TS {
		t.Errorf("the acknowledgement is told in %s, the incident is %s", acked.TS, incident.TS)
	}
	down(0, "well again")
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	if _, err := platform.Await(ctx, slackAlerts, func(m fake.Message) bool { return m.TS == incident.TS && strings.Contains(m.Shown, "again") }); err != nil {
		t.Errorf("the incident does not end as resolved: %v; it shows %q", err, shownOf(platform, slackAlerts, incident.TS))
	}
	var listed said
	s.await(t, "the list of alerts", func() bool { listed = s.say("alerts"); return listed.exit == door.OK })
	if text := listed.text(); strings.Contains(text, "DOWN") {
		t.Errorf("the host is listed as down still:\n%s", text)
	}
}

func shownOf(platform *fake.Server, channel, ts string) string {
	for _, m := range platform.Messages(channel) {
		if m.TS == ts {
			return m.Shown
		}
	}
	return ""
}
