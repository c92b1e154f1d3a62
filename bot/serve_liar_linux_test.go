package bot_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/netlab"
)

// liar talks to the bot as a node that is enrolled, and says what it likes.
type liar struct {
	*nats.Conn
	t    *testing.T
	node string
	said agent.Report // the latest that it claimed
	last error        // the latest refusal
}

// dialer connects from a namespace.
type dialer struct{ from *netlab.Space }

// Dial implements nats.CustomDialer.
func (d dialer) Dial(network, address string) (c net.Conn, err error) {
	err = d.from.Do(func() (err error) {
		c, err = net.DialTimeout(network, address, 5*time.Second)
		return err
	})
	return c, err
}

// whois reads what an agent keeps of who it is and of what it must hold.
func whois(t *testing.T, dir string) (seed, token string, state agent.State) {
	t.Helper()
	var id struct{ Seed, Token string }
	var held struct{ Body []byte }
	var order struct{ State *agent.State }
	for _, part := range []struct {
		file string
		into any
	}{{"agent.json", &id}, {"state.json", &held}} {
		data, err := os.ReadFile(filepath.Join(dir, part.file))
		if err == nil {
			err = json.Unmarshal(data, part.into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal(held.Body, &order); err != nil || order.State == nil {
		t.Fatalf("state of the agent in %s: %v", dir, err)
	}
	return id.Seed, id.Token, *order.State
}

// lie connects with what an agent of a node keeps in a folder.
func (s *served) lie(node, dir string) (*liar, error) {
	s.t.Helper()
	seed, token, state := whois(s.t, dir)
	pair, err := nkeys.FromSeed([]byte(seed))
	if err != nil {
		s.t.Fatal(err)
	}
	l := &liar{t: s.t, node: node}
	o := nats.GetDefaultOptions()
	o.Servers, o.AllowReconnect, o.CustomDialer = []string{"tls://127.0.0.1:4443"}, false, dialer{s.hub}
	o.Secure, o.TLSHandshakeFirst, o.TLSConfig = true, true, &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true} // it does not care to whom it lies
	o.UserJWT, o.SignatureCB = func() (string, error) { return token, nil }, pair.Sign
	o.AsyncErrorCB = func(*nats.Conn, *nats.Subscription, error) {}
	if l.Conn, err = o.Connect(); err != nil {
		return nil, err
	}
	s.t.Cleanup(l.Close)
	if _, err := l.Subscribe("push."+node, l.answer); err != nil {
		s.t.Fatal(err)
	}
	l.said = agent.Report{
		Protocol: agent.Protocol, Version: "lies", Node: node, Boot: "liar", Incarnation: state.Desired.Incarnation, Generation: state.Desired.Generation, Keys: 1,
		Converged: true, Segments: len(state.Desired.Segments), Objects: 20,
		Facts: overlay.Facts{Underlay: 1500, Device: "e0", Addresses: []netip.Addr{s.space(node).Addr}, Capability: overlay.Capabilities{Plane: "kernel", Tunnels: true, MaxSegments: 1000}},
	}
	l.claim(func(*agent.Report) {})
	return l, nil
}

// claim reports something.
func (l *liar) claim(change func(*agent.Report)) {
	l.t.Helper()
	change(&l.said)
	l.tell("agent.report."+l.node, "", l.said)
}

// tell says something on a subject, with a reply subject if there is one, and waits until the bot's server has it.
func (l *liar) tell(subject, answer string, v any) {
	l.t.Helper()
	data, err := json.Marshal(v)
	if err == nil {
		err = l.PublishMsg(&nats.Msg{Subject: subject, Reply: answer, Data: data})
	}
	if err == nil {
		err = l.FlushTimeout(10 * time.Second)
	}
	if err != nil {
		l.t.Fatalf("%s: %v", subject, err)
	}
}

// answer says to every probe that is asked for that all went well, also for others than were asked, and in words that there are not.
func (l *liar) answer(m *nats.Msg) {
	var envelope struct{ Body []byte }
	var order struct{ Call *agent.Order }
	if json.Unmarshal(m.Data, &envelope) != nil || json.Unmarshal(envelope.Body, &order) != nil || order.Call == nil {
		return // it holds whatever it is told, of course
	}
	var targets []overlay.ProbeTarget
	if json.Unmarshal(order.Call.Args, &targets) != nil {
		return
	}
	var results []overlay.ProbeResult
	for _, t := range targets {
		results = append(results, overlay.ProbeResult{Target: t, From: l.node, State: overlay.PairOK, RTT: time.Microsecond, Answered: t.Node})
		mine := overlay.ProbeTarget{Segment: t.Segment, VNI: t.VNI, Node: l.node, VTEP: netip.MustParseAddr("192.0.2.1"), MTU: t.MTU}
		results = append(results, overlay.ProbeResult{Target: mine, From: t.Node, State: overlay.PairOK, Answered: l.node})
	}
	data, err := json.Marshal(results)
	if err != nil {
		return
	}
	answer, err := json.Marshal(agent.Answer{Key: order.Call.Key, Epoch: order.Call.Epoch, Data: data})
	if err == nil {
		_ = l.Publish("agent.result."+l.node, answer) // the test sees that it does not come
	}
}

// refused tells whether something was refused by the bot's server since the last call: each refusal is an error value of its own.
func (l *liar) refused() bool {
	was := l.last
	l.last = l.LastError()
	return l.last != was
}

// TestAgentThatLies lets somebody speak for a node with its true key: that the node holds what it must, and that its probes went well. The other nodes
// tell the truth, and nobody but that node is touched, whatever reply subjects are used.
func TestAgentThatLies(t *testing.T) {
	t.Parallel()
	s := startServed(t, 3)
	s.told("create segment studio of acme with vni 5001 on edge-1 and edge-2 and edge-3")
	s.told("verify segment studio", "6/6 pairs ok")
	s.die("edge-1")
	s.Nodes[0].Run(t, "ip", "link", "del", "group", "7299685")
	l, err := s.lie("edge-1", s.agents["edge-1"].dir)
	if err != nil {
		t.Fatal(err)
	}
	s.comes("show edge-1", "agent: ok") // it looks as it should
	text, exit := s.ask("verify segment studio")
	if exit == 0 || !strings.Contains(text, "4/6 pairs ok") {
		t.Errorf("verify: exit %d, want that 4 of 6 pairs are ok:\n%s", exit, text)
	}
	for _, row := range [][2]string{{"edge-2", "edge-1"}, {"edge-3", "edge-1"}} {
		flat := strings.Join(strings.Fields(text), " ")
		if !strings.Contains(flat, row[0]+" "+row[1]+" down") && !strings.Contains(flat, row[0]+" "+row[1]+" one-way") { // it was heard a moment ago
			t.Errorf("verify does not say that %s does not reach %s:\n%s", row[0], row[1], text)
		}
	}

	// Facts that cannot be so stand in the way of this node alone.
	for mtu, want := range map[int]string{-5: "MTU 1450", 0: "MTU 1450", 1 << 40: "MTU 1450", 60: "edge"} {
		l.claim(func(r *agent.Report) { r.Facts.Underlay = mtu })
		s.comes("create segment other of acme on edge-1 and edge-2 --dry-run", want)
		s.told("create segment other of acme on edge-2 and edge-3 --dry-run", "MTU 1450")
	}
	l.claim(func(r *agent.Report) {
		r.Facts.Underlay, r.Version, r.Failed = 1500, "\x1b[2J", []string{"\x1b]0;owned\a"}
	})
	s.comes("show edge-1", "failing")
	if text, _ := s.ask("show edge-1"); strings.ContainsAny(text, "\x1b\a") {
		t.Errorf("what an agent says reaches the terminal: %q", text)
	}
	l.claim(func(r *agent.Report) { r.Failed = nil })

	// Reply subjects: the state of another node, and its ear.
	before, err := os.ReadFile(filepath.Join(s.agents["edge-2"].dir, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"agent.hello.edge-1", "agent.report.edge-1", "agent.result.edge-1", "agent.renew.edge-1"} {
		for _, victim := range []string{"$KV.desired.edge-2", "push.edge-2", "$JS.API.STREAM.DELETE.KV_desired"} {
			l.tell(subject, victim, l.said)
		}
	}
	if l.refused() {
		t.Error("what it may say was refused: the attack was not tried")
	}
	for _, subject := range []string{"agent.report.edge-2", "push.edge-2", "$KV.desired.edge-2", "$JS.API.STREAM.LIST", "agent.report.*"} {
		l.tell(subject, "", agent.Report{Protocol: agent.Protocol, Node: "edge-2", Failed: []string{"forged"}})
		if !l.refused() {
			t.Errorf("it may say something to %s", subject)
		}
	}
	s.told("show edge-2", "agent: ok")
	after, err := os.ReadFile(filepath.Join(s.agents["edge-2"].dir, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Error("edge-2 was told something")
	}

	l.Close()
	s.revive("edge-1")
	s.comes("verify segment studio", "6/6 pairs ok")
	s.told("delete segment studio")
	s.nothingLeft()
}

// TestAgentsThatWereElsewhere brings nodes back from where they should not come: without their disk, with the disk of an earlier day, as a second of
// the same name, and stopped in the middle of something.
func TestAgentsThatWereElsewhere(t *testing.T) {
	t.Parallel()
	s := startServed(t, 3)
	s.told("create segment studio of acme with vni 5001 on edge-1 and edge-2 and edge-3")
	earlier, old := filepath.Join(s.dir, "earlier"), s.agents["edge-2"].dir
	if err := os.CopyFS(earlier, os.DirFS(old)); err != nil {
		t.Fatal(err)
	}
	s.told("create segment backup of acme with vni 5002 on edge-1 and edge-2 and edge-3")

	// The machine is put back to an earlier day.
	s.die("edge-2")
	s.Nodes[1].Run(t, "ip", "link", "del", "group", "7299685")
	if err := os.RemoveAll(old); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(old, os.DirFS(earlier)); err != nil {
		t.Fatal(err)
	}
	s.revive("edge-2")
	s.comes("verify segment backup", "6/6 pairs ok")
	s.told("verify segment studio", "6/6 pairs ok")

	// The machine comes with nothing at all, and is enrolled again; who had its key before is nobody.
	s.die("edge-2")
	s.Nodes[1].Run(t, "ip", "link", "del", "group", "7299685")
	if err := os.RemoveAll(old); err != nil {
		t.Fatal(err)
	}
	lost := s.agents["edge-2"]
	lost.start()
	if err := lost.cmd.Wait(); err == nil || !strings.Contains(lost.log.String(), "not enrolled") {
		t.Errorf("an agent with nothing ended with %v, want that it is not enrolled", err)
	}
	lost.start(s.enrol("edge-2")...)
	s.comes("verify segment backup", "6/6 pairs ok")
	s.told("verify segment studio", "6/6 pairs ok")
	if l, err := s.lie("edge-2", earlier); err == nil {
		l.Close()
		t.Error("the key of before still speaks for the node")
	}

	// An agent that hangs is named, and does not hold up the rest; what waits for it goes on with it.
	slow := s.agents["edge-3"].cmd.Process
	if err := slow.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if text, exit := s.ask("verify segment studio"); exit == 0 || !strings.Contains(text, "edge-3") || time.Since(began) > 40*time.Second {
		t.Errorf("verify with an agent that hangs: exit %d after %v:\n%s", exit, time.Since(began), text)
	}
	t.Logf("verify with an agent that hangs took %v", time.Since(began).Round(10*time.Millisecond))
	s.out.watch(func(line []byte) {
		if _, _, ok := stepEnded(line); ok { // the run is on its way, and somebody hangs
			_ = slow.Signal(syscall.SIGCONT) // what does not wake up is seen below
		}
	})
	s.told("detach edge-1 from segment studio")
	s.out.watch(nil)
	s.told("verify segment studio", "2/2 pairs ok")
	s.told("delete segment studio")
	s.told("delete segment backup")
	if err := os.RemoveAll(earlier); err != nil {
		t.Fatal(err)
	}
	s.nothingLeft()
}

// TestStoreOfAnEarlierDay puts the bot's data back to before a segment was made: nodes keep it, are said to be ahead, take new segments, and are well
// when the lost one is made again under its number, without a packet lost in the others.
func TestStoreOfAnEarlierDay(t *testing.T) {
	t.Parallel()
	s := startServed(t, 2)
	s.told("create segment studio of acme with vni 5001 on edge-1 and edge-2")
	s.earlier(func() { s.told("create segment backup of acme with vni 5002 on edge-1 and edge-2") })
	s.told("show edge-1", "agent: ahead, edge-1 says it holds generation")
	s.told("create segment next of acme with vni 5003 on edge-1 and edge-2")
	s.told("verify segment next", "2/2 pairs ok")
	s.told("show edge-1", "agent: held, edge-1 would lose 1 of")
	s.crosses(5002, 2) // nobody has said that it is to go
	s.told("show edge-1", "VNI 5002 is of no segment: delete segment 5002 lets it go")
	s.told("create segment backup of acme with vni 5002 on edge-1 and edge-2")
	s.told("show edge-1", "agent: ok")
	s.crosses(5002, 2)
	for _, name := range []string{"studio", "backup", "next"} {
		s.told("delete segment " + name)
	}
	s.nothingLeft()
}

// earlier lets something be done, and puts the bot's data back to before it.
func (s *served) earlier(do func()) {
	s.t.Helper()
	again := func() {
		s.begin()
		s.there("edge-1")
		s.there("edge-2")
	}
	s.die("serve")
	data, before := filepath.Join(s.dir, "data"), filepath.Join(s.dir, "earlier")
	if err := os.CopyFS(before, os.DirFS(data)); err != nil {
		s.t.Fatal(err)
	}
	again()
	do()
	s.die("serve")
	if err := errors.Join(os.RemoveAll(data), os.Rename(before, data)); err != nil {
		s.t.Fatal(err)
	}
	again()
}

// TestStrayOfAnEarlierDay puts the bot's data back to before a segment was made, and lets the nodes go of it by its number.
func TestStrayOfAnEarlierDay(t *testing.T) {
	t.Parallel()
	s := startServed(t, 2)
	s.told("create segment studio of acme with vni 5001 on edge-1 and edge-2")
	s.earlier(func() { s.told("create segment backup of acme with vni 5002 on edge-1 and edge-2") })
	s.told("create segment next of acme with vni 5003 on edge-1 and edge-2")
	s.told("show edge-1", "VNI 5002 is of no segment: delete segment 5002 lets it go")
	s.crosses(5002, 2)
	s.told("delete segment 5002", "edge-1 holds generation", "edge-2 holds generation")
	s.told("show edge-1", "agent: ok", "holds 2 segments")
	s.crosses(5001, 2)
	s.crosses(5003, 2)
	s.told("delete segment studio")
	s.told("delete segment next")
	s.nothingLeft()
}
