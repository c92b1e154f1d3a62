package bot_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/actions/node"
	"github.com/shitops/opsbot/bot"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	fakediscord "github.com/shitops/opsbot/fixtures/discord"
	fake "github.com/shitops/opsbot/fixtures/slack"
	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/simnet"
)

// enrollable are nodes without agents.
const enrollable = "inventory: {nodes: [{name: edge-1, address: 192.0.2.11, site: berlin}, {name: mac-1, address: 192.0.2.21, site: tokyo}]}\n"

// enrolLine is what an enrolment hands out; its last part is the code.
var enrolLine = regexp.MustCompile(`opsbot agent --bot (\S+) --code ([a-z0-9-]+)`)

// journal keeps a log, all levels of it.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) { j.mu.Lock(); defer j.mu.Unlock(); return j.b.Write(p) }

func (j *journal) text() string { j.mu.Lock(); defer j.mu.Unlock(); return j.b.String() }

// listening lets the configuration in a folder have a listener for agents.
func listening(t *testing.T, file string) {
	rewriteFile(t, file, `serve: [ops`, `serve: [agents]}, {address: "127.0.0.1:0", serve: [ops`)
}

// startListening starts a bot that agents can reach, and returns its log.
func startListening(t *testing.T, rest string) (*house, *journal) {
	t.Helper()
	dir := folder(t)
	file := configure(t, dir, rest)
	listening(t, file)
	j := &journal{}
	return startOn(t, dir, file, j.keep), j
}

func (j *journal) keep(o *bot.Options) {
	o.Log = slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// codeIn returns the code of the line in a text.
func codeIn(t *testing.T, text string) string {
	t.Helper()
	found := enrolLine.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no line to type in:\n%s", text)
	}
	return found[2]
}

// nowhere fails the test where a code lies in a file of the bot, or in its log.
func (h *house) nowhere(t *testing.T, j *journal, code string) {
	t.Helper()
	secret := []byte(code[:20]) // what follows names the bot's certificate, which is no secret
	files := 0
	err := filepath.WalkDir(filepath.Join(h.dir, "data"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if bytes.Contains(data, secret) {
			t.Errorf("the code is in %s", path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) || files == 0 {
		t.Fatalf("%d files looked at: %v", files, err)
	}
	if strings.Contains(j.text(), string(secret)) {
		t.Error("the code is in the log")
	}
}

// letIn uses a code as an agent would, and tells whether it came in.
func (h *house) letIn(t *testing.T, id, code string) error {
	t.Helper()
	a, err := agent.New(agent.Options{
		Dir: t.TempDir(), Code: code, Bot: h.AgentsAddr(), Log: slog.New(slog.DiscardHandler),
		Open: func(_ context.Context, id string, vtep netip.Addr) (overlay.DataPlane, error) {
			return simnet.New(1).Node(id, vtep), nil
		},
	})
	if err != nil {
		return err
	}
	before, _ := h.Gate().Enrolled(id)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	came := make(chan error, 1)
	go func() {
		_, err := h.Gate().Wait(ctx, id, func(s agent.Status) bool { return s.Enrolled.NKey != before.NKey && s.Health != agent.Offline })
		came <- err
	}()
	select {
	case err = <-came:
		stop()
		<-done
	case err = <-done:
		stop()
		<-came
	}
	return err
}

// TestEnrolByWord: who may add nodes gets the line, it lets one agent in once, and the next step is named before and after.
func TestEnrolByWord(t *testing.T) {
	t.Parallel()
	h, log := startListening(t, enrollable)
	h.expect(h.say("show node edge-1"), door.OK, `agent: none; "enrol edge-1" gives you the line to type there`)
	got := h.expect(h.say("enrol edge-1"), door.OK, "type this on edge-1, as root, until", "it is good once", "opsbot agent --bot "+h.AgentsAddr()+" --code ")
	card := got.last()
	if !card.Private || !card.Secret {
		t.Errorf("private %v, secret %v; want both", card.Private, card.Secret)
	}
	code := codeIn(t, got.text())
	if e, ok := card.Data.(node.Enrolment); !ok || e.Node != "edge-1" || !strings.HasSuffix(e.Line, code) {
		t.Errorf("for programs: %+v", card.Data)
	}
	h.nowhere(t, log, code)
	h.expect(h.say("audit"), door.OK, "enrol edge-1", "anna")
	if text := h.say("audit").text(); strings.Contains(text, code[:20]) {
		t.Errorf("the audit log tells the code:\n%s", text)
	}
	if err := h.letIn(t, "edge-1", code); err != nil {
		t.Fatalf("the line does not let edge-1 in: %v", err)
	}
	if err := h.letIn(t, "edge-1", code); err == nil || !strings.Contains(err.Error(), "unknown, used or older") {
		t.Errorf("a second use of the line: %v", err)
	}
	h.nowhere(t, log, code)
	h.expect(h.say("enrol edge-1"), door.OK, "edge-1 has an agent already")
	asked := h.expect(h.say("enrol edge-1 for me"), door.Refused, "do it?")
	if enrolLine.MatchString(asked.text()) {
		t.Errorf("the line comes before the yes:\n%s", asked.text())
	}
	if s := h.expect(h.say("yes"), door.OK, "type this on edge-1"); !s.last().Secret || !s.last().Private {
		t.Errorf("after a yes: %+v", s.last())
	}
	h.expect(h.say("enrol edge-1 then list nodes"), door.OK, "type this on edge-1")
	if text := h.say("show node edge-1").text(); strings.Contains(text, "agent: none") || !strings.Contains(text, "agent: ") {
		t.Errorf("edge-1 once it has an agent:\n%s", text)
	}
}

// TestEnrolRefusesWhoMayNot: rights are those of adding nodes, in the places of the role, and what needs a second person is not handed out.
func TestEnrolRefusesWhoMayNot(t *testing.T) {
	t.Parallel()
	h, _ := startListening(t, enrollable)
	h.expect(h.say("enrol edge-1", as("vik")), door.Refused, "role viewer may not node.enrol", "ask anna or ben")
	h.expect(h.say("enrol edge-1", as("mallory")), door.Refused, "unix:mallory")
	h.expect(h.say("enrol mac-1"), door.Refused, "role operator may node.enrol in", "not on mac-1")
	h.expect(h.say("enrol edge-9"), door.NotFound, `There is no node "edge-9"`)
	for _, tt := range []string{"rule:flush", "job:nightly"} {
		s := h.say("enrol edge-1", func(m *door.Message) { m.As = tt })
		if s.exit == door.OK || enrolLine.MatchString(s.text()) {
			t.Errorf("%s gets:\n%s", tt, s.text())
		}
	}
	strict, _ := startListening(t, enrollable+"approvals:\n  - {intents: [node.add], role: operator, people: 1, within: 30m}\n")
	s := strict.expect(strict.say("enrol edge-1"), door.Refused, "needs a yes of 1 other operator", "cannot wait for that", "opsbot enrol edge-1")
	if enrolLine.MatchString(s.text()) {
		t.Errorf("without the second person:\n%s", s.text())
	}
	without := startHouse(t, enrollable)
	without.expect(without.say("enrol edge-1"), door.Failure, "no listener has the group agents: add one to the configuration and restart")
	if text := without.say("show node edge-1").text(); strings.Contains(text, "agent:") {
		t.Errorf("a bot that no agent can reach speaks of agents:\n%s", text)
	}
}

// TestEnrolTwiceCounted: what hands something out is in the quotas, though it makes no run.
func TestEnrolTwiceCounted(t *testing.T) {
	t.Parallel()
	h, _ := startListening(t, enrollable+"quotas:\n  - {role: operator, intents: [node.enrol], at_most: 1, per: 1h}\n")
	h.expect(h.say("enrol edge-1"), door.OK, "--code")
	s := h.expect(h.say("enrol edge-1"), door.Refused, "1")
	if enrolLine.MatchString(s.text()) {
		t.Errorf("beyond the quota:\n%s", s.text())
	}
}

// TestAddNodeNamesTheNextStep: a node that was added says how its agent comes in, and the words for that work at once.
func TestAddNodeNamesTheNextStep(t *testing.T) {
	t.Parallel()
	h, _ := startListening(t, enrollable)
	h.expect(h.say("add node edge-9 at 192.0.2.19 in berlin"), door.OK, `agent: none; "enrol edge-9" gives you the line to type there`)
	h.expect(h.say("enrol edge-9"), door.OK, "type this on edge-9")
}

// TestSlackEnrolsForTheAskerAlone: by a slash command, by a mention and by a direct message.
func TestSlackEnrolsForTheAskerAlone(t *testing.T) {
	for _, mode := range []string{config.ModeSocket, config.ModeHTTP} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			platform := fake.New(fake.Options{Team: slackTeam, Seed: 1})
			t.Cleanup(platform.Close)
			platform.AddChannel(slackTalk, slackAlerts)
			platform.AddUser(slackAnna, slackBen, slackMallory)
			h, log := &slackHouse{platform: platform, mode: mode}, &journal{}
			dir := folder(t)
			file := configure(t, dir, enrollable)
			h.prepare(t, dir, file)
			listening(t, file)
			h.startLogged(t, dir, file, log)
			h.slash(t, slackAnna, "enrol edge-1")
			first := h.sees(t, slackAnna, slackTalk, "type this on edge-1", "--code")
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if _, err := h.platform.Mention(ctx, fake.Said{User: slackAnna, Channel: slackTalk, Text: "enrol mac-1 please"}); err != nil {
				t.Fatal(err)
			}
			h.sees(t, slackAnna, slackTalk, "not on mac-1")
			if _, err := h.platform.Mention(ctx, fake.Said{User: slackAnna, Channel: slackTalk, Text: "enroll the agent of edge-1"}); err != nil {
				t.Fatal(err)
			}
			second := h.differs(t, first)
			h.slash(t, slackAnna, "enrol edge-1 for me")
			h.click(t, slackAnna, h.sees(t, slackAnna, slackTalk, "enrol edge-1", "do it?"), "yes")
			third := h.differs(t, first, second)
			if third.Only != slackAnna {
				t.Errorf("after a yes the line is for %q", third.Only)
			}
			for _, m := range h.platform.Messages(slackTalk) {
				if enrolLine.MatchString(m.Shown) && (m.Only != slackAnna || m.Hidden) {
					t.Errorf("the line is seen by %q (hidden %v): %s", m.Only, m.Hidden, m.Shown)
				}
			}
			for _, m := range h.platform.Messages(slackAlerts) {
				if enrolLine.MatchString(m.Shown) {
					t.Errorf("everybody reads %s", m.Shown)
				}
			}
			for _, m := range []string{first.Shown, second.Shown, third.Shown} {
				h.nowhere(t, log, codeIn(t, m))
			}
			if err := h.letIn(t, "edge-1", codeIn(t, second.Shown)); err != nil {
				t.Errorf("the line of the mention: %v", err)
			}
		})
	}
}

// startLogged is start with the log kept.
func (h *slackHouse) startLogged(t *testing.T, dir, file string, log *journal) {
	t.Helper()
	h.house = startOn(t, dir, file, func(o *bot.Options) { o.SlackBase, o.SlackPace = h.platform.URL(), h.pace; log.keep(o) })
	if h.mode == config.ModeHTTP {
		h.platform.PostTo("http://" + h.HooksAddr())
		return
	}
	for end := time.Now().Add(20 * time.Second); h.platform.Sockets() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the bot does not connect within 20 s")
		}
	}
}

// differs waits for a line with another code than those of messages.
func (h *slackHouse) differs(t *testing.T, before ...fake.Message) fake.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	m, err := h.platform.Await(ctx, slackTalk, func(m fake.Message) bool {
		found := enrolLine.FindString(m.Shown)
		return found != "" && !slices.ContainsFunc(before, func(b fake.Message) bool { return found == enrolLine.FindString(b.Shown) })
	})
	if err != nil {
		t.Fatalf("no line beside those of %d messages: %v", len(before), err)
	}
	return m
}

// TestDiscordEnrolsForTheAskerAlone: by a slash command, by a yes to how free words were read, and in direct messages where the bot was mentioned.
func TestDiscordEnrolsForTheAskerAlone(t *testing.T) {
	for _, mode := range []string{config.ModeGateway, config.ModeHTTP} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			h, log := &discordHouse{platform: newDiscord(t), mode: mode}, &journal{}
			dir := folder(t)
			file := configure(t, dir, enrollable)
			h.prepare(t, dir, file)
			rewriteFile(t, file, "serve: [ops]", "serve: [ops, hooks]")
			listening(t, file)
			h.house = startOn(t, dir, file, func(o *bot.Options) { o.DiscordBase = h.platform.URL; log.keep(o) })
			h.reach(t, h.mode)
			h.slash(t, discordAnna, "enrol edge-1")
			m := h.sees(t, discordAnna, discordTalk, "type this on edge-1", "--code")
			if !m.Ephemeral || m.For != discordAnna {
				t.Errorf("the line is for %q, ephemeral %v: %s", m.For, m.Ephemeral, m.Text())
			}
			h.slash(t, discordAnna, "enrol edge-1 for me")
			h.click(t, discordAnna, h.sees(t, discordAnna, discordTalk, "enrol edge-1", "do it?"), "yes")
			h.until(t, "anna sees a second line", func() bool { return len(h.lines(discordAnna, discordTalk)) == 2 })
			if mode == config.ModeGateway { // by posts Discord tells of no messages
				h.platform.Say(discordAnna, discordTalk, "<@"+fakediscord.BotUser+"> enrol edge-1", fakediscord.Said{})
				h.until(t, "anna sees a third line, among her direct messages", func() bool { return len(h.lines(discordAnna, "")) == 1 })
			}
			for _, who := range []string{discordBen, discordMallory} {
				for _, channel := range []string{discordTalk, discordAlerts} {
					for _, seen := range h.platform.Seen(who, channel) {
						if enrolLine.MatchString(seen.Text()) {
							t.Errorf("%s sees %s", who, seen.Text())
						}
					}
				}
			}
			for _, text := range append(h.lines(discordAnna, discordTalk), h.lines(discordAnna, "")...) {
				h.nowhere(t, log, codeIn(t, text))
			}
			if err := h.letIn(t, "edge-1", codeIn(t, m.Text())); err != nil {
				t.Errorf("the line: %v", err)
			}
			if v := h.platform.Violations(); len(v) > 0 {
				t.Errorf("the platform complains: %s", strings.Join(v, "\n"))
			}
		})
	}
}

// lines are the messages with a line to type that a person sees in a channel.
func (h *discordHouse) lines(person, channel string) []string {
	var out []string
	for _, m := range h.platform.Seen(person, channel) {
		if enrolLine.MatchString(m.Text()) {
			out = append(out, m.Text())
		}
	}
	return out
}
