package bot_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/lab"
	"github.com/shitops/opsbot/internal/secret"
)

// startWatched starts an Icinga2 with the kit, and a bot that registers its inventory there with the rights of the kit's user alone.
func startWatched(t *testing.T, inventory string) *scene {
	t.Helper()
	return startWatchedOn(t, inventory, func(string, string) {}, nil)
}

// startWatchedOn is startWatched with more to prepare in the folder and its configuration file, and options of the bot.
func startWatchedOn(t *testing.T, inventory string, prepare func(dir, file string), set func(*bot.Options)) *scene {
	t.Helper()
	lab.Need(t, "icinga2")
	files, err := icinga.KitFiles(icinga.KitOptions{Program: "/bin/true", Password: secret.New([]byte("kit-password-of-the-test")), HostCheck: "dummy"})
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{icinga: lab.NewIcinga(t, lab.IcingaOptions{Files: files})}
	dir := folder(t)
	write(t, filepath.Join(dir, "icinga.password"), "kit-password-of-the-test")
	file := configure(t, dir, inventory+fmt.Sprintf("icinga: {url: %q, user: opsbot, password_file: icinga.password, ca_file: %s, server_name: %s, register: true}\noncall: {order: [anna], escalate_after: 1m}\n",
		s.icinga.URL, s.icinga.CAFile, s.icinga.ServerName))
	prepare(dir, file)
	s.house = startOn(t, dir, file, set)
	feed := s.Feed(t.Context())
	go func() {
		for c := range feed {
			s.mu.Lock()
			s.cards = append(s.cards, c)
			s.mu.Unlock()
		}
	}()
	return s
}

// call changes something in Icinga2 by other means than the bot's.
func (s *scene) call(t *testing.T, action string, body map[string]any) {
	t.Helper()
	status, text, err := s.icinga.Call(t.Context(), http.MethodPost, "/v1/actions/"+action, body)
	if err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d, %v, %s", action, status, err, text)
	}
}

// holds tells what Icinga2 holds of a kind of objects.
func (s *scene) holds(t *testing.T, kind string) string {
	t.Helper()
	text, err := s.icinga.Get(t.Context(), "/v1/objects/"+kind)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

const twoEdges = `
inventory:
  nodes:
    - {name: edge-1, address: 192.0.2.11, site: berlin, platform: linux, caches: [{name: front, kind: varnish, url: "http://192.0.2.11:6081"}]}
    - {name: mac-1, address: 192.0.2.31, site: hamburg, platform: darwin}
  deployments: [{name: news, origin: "http://192.0.2.1/news/master.m3u8", nodes: [edge-1]}]
`

// TestLifeOfANode: a node that is added in chat is monitored, its problem is one incident, people and Icinga2 agree about who looks after it, and its
// removal leaves nothing behind.
func TestLifeOfANode(t *testing.T) {
	t.Parallel()
	s := startWatched(t, twoEdges)
	s.await(t, "the registration of the file's nodes", func() bool { return strings.Contains(s.holds(t, "services"), "edge-1!Stream Latency news") })
	if hosts := s.holds(t, "hosts"); !strings.Contains(hosts, `"os":"macosx"`) {
		t.Errorf("mac-1 is not registered as a Mac: %.2000s", hosts)
	}
	s.expect(s.say("add node edge-9 at 192.0.2.19 in berlin linux", withYes), door.OK, "Icinga2 watches edge-9")
	s.expect(s.say("show node edge-9"), door.OK, "192.0.2.19")
	s.expect(s.say("nodes"), door.OK, "edge-9")
	s.expect(s.say("status edge-9"), door.OK, "edge-9")
	s.expect(s.say(`schedule "downtime edge-9 for 2h --start 2026-12-24T22:00:00Z" every day at 21:00`), door.Failure, "begins when it says it")
	s.await(t, "the state of the registration", func() bool { return strings.Contains(s.say("status").text(), "registration") })

	for range 3 { // as often as makes it hard
		s.call(t, "process-check-result", map[string]any{"type": "Host", "host": "edge-9", "exit_status": 1, "plugin_output": "no answer"})
	}
	s.await(t, "the incident", func() bool { return strings.Contains(s.feed(), "edge-9") })
	s.expect(s.say("alerts"), door.OK, "edge-9", "DOWN")
	s.expect(s.say("ack edge-9 because cables", withYes), door.OK, "acknowledged edge-9")
	if comments := s.holds(t, "comments"); !strings.Contains(comments, `"author":"anna via opsbot"`) || !strings.Contains(comments, "cables") {
		t.Errorf("Icinga2 does not know who looks after it: %s", comments)
	}
	s.expect(s.say("unack edge-9", withYes), door.OK)
	s.call(t, "acknowledge-problem", map[string]any{"type": "Host", "host": "edge-9", "author": "jo", "comment": "in the rack"})
	s.await(t, "word of who looks after it", func() bool { return strings.Contains(s.feed(), "acknowledged by jo") })

	s.expect(s.say("downtime edge-9 for 2h", withYes), door.OK, "in downtime until")
	if rests := s.holds(t, "downtimes"); !strings.Contains(rests, `"edge-9"`) || !strings.Contains(rests, "anna via opsbot") {
		t.Errorf("downtimes: %s", rests)
	}
	s.expect(s.say("recheck edge-9", withYes), door.Failure, "reported from outside")
	s.expect(s.say("remove node edge-1", withYes), door.Failure, "deployment news")
	s.expect(s.say("remove node mac-1", withYes), door.Failure, "configuration file")
	s.expect(s.say("remove node edge-9", withYes), door.OK, "Icinga2 has forgotten edge-9")
	for _, kind := range []string{"hosts", "services", "comments", "downtimes"} {
		if text := s.holds(t, kind); strings.Contains(text, "edge-9") {
			t.Errorf("%s of edge-9 are left: %s", kind, text)
		}
	}
	s.expect(s.say("show node edge-9"), door.NotFound)
}

// TestNodeIsBackAfterARestart: what was added is known to the bot that starts next, and an undo of the adding takes it out for good.
func TestNodeIsBackAfterARestart(t *testing.T) {
	t.Parallel()
	s := startWatched(t, twoEdges)
	run := s.expect(s.say("add node edge-9 at 192.0.2.19 in berlin linux", withYes), door.OK).last().Run
	s.halt()
	s.house = startIn(t, s.dir, s.file)
	s.expect(s.say("show node edge-9"), door.OK, "192.0.2.19")
	s.expect(s.say("downtime edge-9 for 1h", withYes), door.OK)
	s.expect(s.say("undo "+run, withYes), door.OK)
	s.expect(s.say("show node edge-9"), door.NotFound)
	if text := s.holds(t, "hosts"); strings.Contains(text, "edge-9") {
		t.Errorf("left: %s", text)
	}
}

// TestRestOfAnEdge: downtimes are set and ended from chat, by whomever they are, and the plan tells the times.
func TestRestOfAnEdge(t *testing.T) {
	t.Parallel()
	s := startWatched(t, twoEdges)
	s.await(t, "the registration", func() bool { return strings.Contains(s.holds(t, "services"), "edge-1!Stream Latency news") })
	s.expect(s.say("downtime edge-1 for 2h --dry-run"), door.OK, "in downtime from", "until")
	run := s.expect(s.say(`downtime edge-1 service "Cache Hit Rate" for 2h because disks`, withYes), door.OK, "in downtime until").last().Run
	s.expect(s.say("end downtime of edge-1 --dry-run"), door.OK, "edge-1!Cache Hit Rate: of anna via opsbot")
	s.expect(s.say("cancel "+run, withYes), door.OK, run+" undone")
	s.call(t, "schedule-downtime", map[string]any{
		"type": "Host", "host": "edge-1", "author": "jo", "comment": "cables", "start_time": time.Now().Unix(), "end_time": time.Now().Add(time.Hour).Unix(),
	})
	s.expect(s.say("end downtime of edge-1", withYes), door.OK, "ended 1 downtime")
	if rests := s.holds(t, "downtimes"); strings.Contains(rests, `"edge-1"`) {
		t.Errorf("downtimes are left: %s", rests)
	}
}

// TestBrakeIsReleased: a file that lost most of its nodes makes Icinga2 forget nothing, as the nodes are orphans; a stream that went does.
func TestBrakeIsReleased(t *testing.T) {
	t.Parallel()
	s := startWatched(t, twoEdges)
	registered := func(name string) bool {
		return strings.Contains(s.holds(t, "services")+s.holds(t, "hosts"), `"`+name+`"`)
	}
	s.await(t, "the registration", func() bool { return registered("edge-1!Stream Latency news") && registered("mac-1") })
	rewriteFile(t, s.file, "    - {name: mac-1, address: 192.0.2.31, site: hamburg, platform: darwin}\n", "")
	rewriteFile(t, s.file, `, caches: [{name: front, kind: varnish, url: "http://192.0.2.11:6081"}]`, "")
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.await(t, "the brake", func() bool { return strings.Contains(s.feed(), "prune monitoring") })
	if !registered("edge-1!Cache Hit Rate") || !registered("mac-1") {
		t.Error("something was removed without a yes")
	}
	s.expect(s.say("prune monitoring"), door.Refused, "edge-1!Stream Latency news", "do it?")
	s.expect(s.say("yes"), door.OK, "has forgotten 2 objects")
	if registered("edge-1!Cache Hit Rate") || !registered("mac-1") {
		t.Error("after the yes the wrong objects are there")
	}
	s.expect(s.say("remove node mac-1", withYes), door.OK, "forgotten")
	s.expect(s.say("show node mac-1"), door.NotFound)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	s.expect(s.say("show node mac-1"), door.NotFound)
}
