package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/shitops/opsbot/overlay"
)

// thief is a connection with the credentials of a real agent, in the hands of somebody who says what he likes.
type thief struct{ *nats.Conn }

// steal connects with the credentials of an agent.
func steal(t *testing.T, w *town, r *resident) *thief {
	t.Helper()
	return w.connect(func(o *nats.Options) {
		o.UserJWT, o.SignatureCB = func() (string, error) { return r.token(), nil }, r.sign
	})
}

// connect opens a connection with any credentials.
func (w *town) connect(credentials func(*nats.Options)) *thief {
	w.t.Helper()
	th := &thief{}
	o := nats.GetDefaultOptions()
	o.Servers, o.AllowReconnect, o.Secure, o.TLSHandshakeFirst = []string{"tls://" + w.gate.Addr()}, false, true, true
	tr, err := w.gate.presenter.trust()
	if err != nil {
		w.t.Fatal(err)
	}
	o.TLSConfig = clientTLS("", "", tr, time.Now)
	o.AsyncErrorCB = func(*nats.Conn, *nats.Subscription, error) {}
	credentials(&o)
	nc, err := o.Connect()
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(nc.Close)
	th.Conn = nc
	return th
}

// try says something and tells whether the server let it pass.
func (th *thief) try(t *testing.T, f func() error) bool {
	t.Helper()
	before := th.LastError()
	if err := f(); err != nil {
		return false
	}
	if err := th.FlushTimeout(5 * time.Second); err != nil {
		return false
	}
	return th.LastError() == before // each refusal is an error value of its own
}

// spy hears all that comes into an account of the server.
func spy(t *testing.T, w *town, account nkeys.KeyPair, subject string) func() []string {
	t.Helper()
	token, seed, err := inside(account, func(*jwt.UserClaims) {})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect("", nats.InProcessServer(w.gate.server), nats.UserJWTAndSeed(token, seed))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	var mu sync.Mutex
	var heard []string
	if _, err := nc.Subscribe(subject, func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, m.Subject)
		if m.Reply != "" {
			// What a careless program does: it answers where the message says.
			_ = m.Respond([]byte("forged " + m.Subject))
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return func() []string {
		_ = nc.Flush()
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(heard)
	}
}

// TestReplySubjectsReachNobody lets an agent with perfect permissions lead answers, heartbeats and acknowledgements to subjects of the bot, by
// the reply subject. With services none arrives; with streams, which is what rule 3 forbids, they do: so the test can fail.
func TestReplySubjectsReachNobody(t *testing.T) {
	t.Parallel()
	for _, streams := range []bool{false, true} {
		t.Run(fmt.Sprintf("streams %v", streams), func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			victim := "$KV.desired.edge-2"
			th := w.connect(forge(t, w.gate, "edge-1"))
			if streams {
				share(t, w)
			}
			// In the bot's account: an ear at the victim, and a careless program that answers whatever agents say.
			target := spy(t, w, w.gate.accounts.bot, victim)
			careless := spy(t, w, w.gate.accounts.bot, "agent.>")
			for name, say := range map[string]string{"a direct get": subjectHello, "a heartbeat": subjectReport, "a publish into a captured stream": subjectResult} {
				if !th.try(t, func() error { return th.PublishRequest(say+"edge-1", victim, []byte("{}")) }) {
					t.Errorf("%s: the agent's own subject was refused: the attack was not tried", name)
				}
			}
			eventually(t, "the careless program has heard all", func() bool { return len(careless()) >= 3 })
			if streams {
				eventually(t, "the forged answers have arrived", func() bool { return len(target()) >= 3 })
				return
			}
			careless() // what it answered is out when it has been heard again
			if got := target(); len(got) != 0 {
				t.Errorf("the agent reached %v", got)
			}
		})
	}
}

// share lets the agents' account share streams with the bot's, in the place of services: what comes keeps its reply subject.
func share(t *testing.T, w *town) {
	t.Helper()
	s := w.gate.accounts
	agents, bot := s.agentsClaims(), s.botClaims()
	agents.Imports, bot.Exports = nil, nil
	for _, subject := range agentSubjects() {
		agents.Exports.Add(&jwt.Export{Name: subject, Subject: jwt.Subject(subject + "*"), Type: jwt.Stream})
		bot.Imports.Add(&jwt.Import{Name: subject, Subject: jwt.Subject(subject + "*"), Account: s.agentsID, Type: jwt.Stream})
	}
	for _, c := range []*jwt.AccountClaims{agents, bot} {
		token, err := c.Encode(s.operator)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.resolver.Store(c.Subject, token); err != nil {
			t.Fatal(err)
		}
		account, err := w.gate.server.LookupAccount(c.Subject)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := jwt.DecodeAccountClaims(token)
		if err != nil {
			t.Fatal(err)
		}
		w.gate.server.UpdateAccountClaims(account, claims)
	}
}

// forge returns credentials of an agent that was never enrolled, signed by the gate's own key.
func forge(t *testing.T, g *Gate, id string) func(*nats.Options) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	c := jwt.NewUserClaims(public)
	c.Name, c.IssuerAccount = id, g.accounts.agentsID
	c.SetScoped(true)
	c.Expires = time.Now().Add(time.Hour).Unix()
	token, err := c.Encode(g.accounts.signer)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *nats.Options) {
		o.UserJWT, o.SignatureCB = func() (string, error) { return token, nil }, pair.Sign
	}
}

// TestPushesOfOthersAreNotBelieved leads answers of the bot's account to another agent's ear, which services allow: what it hears is not signed
// for it, so nothing comes of it.
func TestPushesOfOthersAreNotBelieved(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	careless := spy(t, w, w.gate.accounts.bot, subjectReport+">")
	one, two := w.settle("edge-1"), w.settle("edge-2")
	w.hold("edge-2", with(5001))
	th := steal(t, w, one)
	if !th.try(t, func() error { return th.PublishRequest(subjectReport+"edge-1", subjectPush+"edge-2", []byte("{}")) }) {
		t.Fatal("the attack was refused before it began")
	}
	eventually(t, "the careless responder has heard it", func() bool { return len(careless()) > 0 })
	// What the real gate said to edge-1, said again to edge-2: signed, but not for it.
	envelope, err := seal(w.gate.ring.signing(), kindOrder, order{Protocol: Protocol, Oldest: oldest, Node: "edge-1", State: &State{Desired: overlay.Desired{Node: "edge-1", Incarnation: "1-a", Generation: 99}}})
	if err != nil {
		t.Fatal(err)
	}
	two.hear(t.Context(), envelope)
	two.Wake()
	s := w.hold("edge-2", with(5001, 5002))
	if s.Report.Generation != 2 {
		t.Errorf("edge-2 holds generation %d, want 2", s.Report.Generation)
	}
}

// TestAgentsMayNothingElse tries what the permissions of an agent forbid.
func TestAgentsMayNothingElse(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	th := steal(t, w, w.settle("edge-1"))
	for _, subject := range []string{
		subjectReport + "edge-2", subjectHello + "edge-2", subjectRenew + "edge-2", subjectResult + "edge-2", subjectPush + "edge-1", subjectPush + "edge-2",
		"$KV.desired.edge-1", "$JS.API.STREAM.LIST", "$JS.API.DIRECT.GET.desired", "$SYS.REQ.ACCOUNT.PING", "k.desired.0.edge-1", subjectJoin, subjectSeal + "X", "_R_.abc", "_INBOX.x",
		"agent.report", "agent.report.edge-1.more",
	} {
		if th.try(t, func() error { return th.Publish(subject, []byte("{}")) }) {
			t.Errorf("an agent may publish to %s", subject)
		}
	}
	for _, subject := range []string{
		subjectPush + "edge-2", subjectPush + "*", subjectPush + ">", ">", "*.*", "agent.>", subjectReport + "*", "_INBOX.>", "_R_.>", "$SYS.>", "$KV.>", "$JS.>", subjectSeal + "*",
	} {
		if th.try(t, func() error { _, err := th.SubscribeSync(subject); return err }) {
			t.Errorf("an agent may subscribe to %s", subject)
		}
	}
	if !th.try(t, func() error { return th.Publish(subjectReport+"edge-1", []byte("{}")) }) {
		t.Error("an agent may not report")
	}
	if th.try(t, func() error { return th.Publish(subjectReport+"edge-1", make([]byte, MaxReport+1)) }) {
		t.Error("an agent may say more than MaxReport at once")
	}
}

// TestNewcomersMayOnlyKnock tries what somebody without any token may do.
func TestNewcomersMayOnlyKnock(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	th := w.connect(func(*nats.Options) {})
	for _, subject := range []string{subjectReport + "edge-1", subjectPush + "edge-1", subjectSeal + "X", "$SYS.REQ.ACCOUNT.PING", "$JS.API.INFO"} {
		if th.try(t, func() error { return th.Publish(subject, []byte("{}")) }) {
			t.Errorf("a newcomer may publish to %s", subject)
		}
	}
	for _, subject := range []string{subjectPush + "*", ">", "agent.>", "_INBOX.>"} {
		if th.try(t, func() error { _, err := th.SubscribeSync(subject); return err }) {
			t.Errorf("a newcomer may subscribe to %s", subject)
		}
	}
	for _, data := range [][]byte{nil, []byte("{"), []byte(`{"join":"e30=","sign":"AA=="}`), make([]byte, 4<<10)} {
		_ = th.Publish(subjectJoin, data)
	}
	w.settle("edge-1") // the gate has survived it
}

// TestForbiddenIDs holds rule 4: ids that would mean the messages of others get no token, from whichever side they come.
func TestForbiddenIDs(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"*", ">", "a.b", "", "-a", "A", "edge_1", "a b", "ä", "a*", "$SYS", strings.Repeat("a", 64), "a\n", "edge-1 ", "{{name()}}"} {
		if err := CheckID(id); err == nil {
			t.Errorf("CheckID(%q) = nil, want an error", id)
		}
		if _, err := w.gate.accounts.token(id, public, time.Now()); err == nil {
			t.Errorf("token(%q) was signed", id)
		}
		if c, err := w.gate.NewCode(t.Context(), id, "anna"); err == nil {
			t.Errorf("NewCode(%q) = %q, want an error", id, c.Line)
		}
		if _, err := w.gate.Edit(t.Context(), id, with(5001)); err == nil {
			t.Errorf("Edit(%q) was done", id)
		}
		if _, err := w.gate.welcome(t.Context(), join{Protocol: Protocol, Node: id, NKey: public}); err == nil {
			t.Errorf("welcome(%q) let it in", id)
		}
	}
	for _, id := range []string{"a", "0", "edge-1", "a-", strings.Repeat("a", 63)} {
		if err := CheckID(id); err != nil {
			t.Errorf("CheckID(%q) = %v, want nil", id, err)
		}
	}
}

// TestAnAgentNamedStarWouldHearEverybody shows why rule 4 is: with a token for "*" the template lets it.
func TestAnAgentNamedStarWouldHearEverybody(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle("edge-1")
	th := w.connect(forge(t, w.gate, "*"))
	if !th.try(t, func() error { _, err := th.SubscribeSync(subjectPush + "*"); return err }) {
		t.Skip("this server refuses the name by itself: the rule is a second net")
	}
	if err := th.Publish(subjectReport+"edge-1", []byte(`{"node":"edge-1","protocol":2,"generation":77,"incarnation":"1-a"}`)); err != nil {
		t.Fatal(err)
	}
	if err := th.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.gate.accounts.token("*", "U", time.Now()); err == nil {
		t.Error("the gate signs such a token")
	}
}

// TestForeignTokens refuses tokens that other keys signed, that have ended, and none at all where one is needed.
func TestForeignTokens(t *testing.T) {
	t.Parallel()
	w, other := newTown(t), newTown(t)
	ended := func(o *nats.Options) {
		pair, err := nkeys.CreateUser()
		if err != nil {
			t.Fatal(err)
		}
		public, err := pair.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		token, err := w.gate.accounts.token("edge-1", public, time.Now().Add(-2*tokenLife))
		if err != nil {
			t.Fatal(err)
		}
		o.UserJWT, o.SignatureCB = func() (string, error) { return token, nil }, pair.Sign
	}
	inProcess := func(o *nats.Options) {
		token, seed, err := inside(w.gate.accounts.bot, func(*jwt.UserClaims) {})
		if err != nil {
			t.Fatal(err)
		}
		pair, err := nkeys.FromSeed([]byte(seed))
		if err != nil {
			t.Fatal(err)
		}
		o.UserJWT, o.SignatureCB = func() (string, error) { return token, nil }, pair.Sign
	}
	for name, credentials := range map[string]func(*nats.Options){
		"of another bot": forge(t, other.gate, "edge-1"), "that has ended": ended, "of the bot itself, from outside": inProcess,
	} {
		o := nats.GetDefaultOptions()
		o.Servers, o.AllowReconnect, o.Secure, o.TLSHandshakeFirst = []string{"tls://" + w.gate.Addr()}, false, true, true
		tr, err := w.gate.presenter.trust()
		if err != nil {
			t.Fatal(err)
		}
		o.TLSConfig = clientTLS("", "", tr, time.Now)
		credentials(&o)
		if nc, err := o.Connect(); err == nil {
			nc.Close()
			t.Errorf("a token %s was accepted", name)
		}
	}
}

// TestLiesAreSeen lets an agent claim what cannot be so.
func TestLiesAreSeen(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	w.hold("edge-1", with(5001))
	th := steal(t, w, r)
	if err := r.stop(); err != nil { // the true agent, which would tell the truth in between
		t.Fatal(err)
	}
	w.until("edge-1", "is stopped", func(s Status) bool { return s.Report.Leaving })
	say := func(change func(*Report)) {
		t.Helper()
		lie := w.gate.Status("edge-1").Report
		lie.Leaving = false
		change(&lie)
		data, err := json.Marshal(lie)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(th.Publish(subjectReport+"edge-1", data), th.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	say(func(l *Report) { l.Generation = 9 })
	s := w.until("edge-1", "is ahead", func(s Status) bool { return s.Health == Ahead })
	if !strings.Contains(s.Why, "generation 9, and the newest that was given is 1") {
		t.Errorf("why = %q", s.Why)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := w.gate.Settle(ctx, overlay.Desired{Node: "edge-1", Incarnation: "1-a", Generation: 1}); err == nil {
		t.Error("a lie ended the waiting")
	}
	say(func(l *Report) { l.Incarnation = "7-z" })
	w.until("edge-1", "is of another store", func(s Status) bool { return s.Health == Ahead && strings.Contains(s.Why, "7-z") })
	say(func(l *Report) { l.Node = "edge-2" })
	say(func(l *Report) { l.Failed = slices.Repeat([]string{"no"}, 500) })
	w.until("edge-1", "is cut short", func(s Status) bool { return len(s.Report.Failed) == most })
	if err := errors.Join(th.Publish(subjectReport+"edge-1", []byte("{nonsense")), th.Publish(subjectResult+"edge-1", []byte("{nonsense")), th.Publish(subjectRenew+"edge-1", []byte("{nonsense"))); err != nil {
		t.Fatal(err)
	}
	if got := w.gate.Status("edge-2"); got.Health != NotEnrolled {
		t.Errorf("edge-2 = %+v, want that nobody speaks for it", got)
	}
	// The next change overrules the lie, by a generation above what was claimed.
	say(func(l *Report) { l.Generation, l.Incarnation = 9, "1-a" })
	w.until("edge-1", "claims 9", func(s Status) bool { return s.Report.Generation == 9 && s.Report.Incarnation == "1-a" })
	d, err := w.gate.Edit(t.Context(), "edge-1", with(5001, 5002))
	if err != nil {
		t.Fatal(err)
	}
	if d.Generation != 10 {
		t.Errorf("generation = %d, want 10", d.Generation)
	}
	r.start()
	w.until("edge-1", "holds it", func(s Status) bool { return s.Health == OK && s.Report.Generation == 10 })
	if diff := cmp.Diff([]overlay.VNI{5001, 5002}, r.plane.holds()); diff != "" {
		t.Errorf("the node holds other VNIs (-want +got):\n%s", diff)
	}
}

// TestTheGateItselfSaysLittle holds the gate's own connections to what they are for, should a mistake make one answer where a message says.
func TestTheGateItselfSaysLittle(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle("edge-1")
	ears, mouth, porch := &thief{w.gate.ears}, &thief{w.gate.mouth}, &thief{w.gate.porch}
	for name, say := range map[string]struct {
		by      *thief
		subject string
	}{
		"ears to an agent": {ears, subjectPush + "edge-1"}, "ears to the bucket": {ears, "$KV.desired.edge-1"}, "ears to whoever asked": {ears, "_R_.abc"},
		"mouth as an agent": {mouth, subjectReport + "edge-1"}, "mouth to all": {mouth, "push.edge-1.more"}, "porch to an agent": {porch, subjectPush + "edge-1"},
	} {
		if say.by.try(t, func() error { return say.by.Publish(say.subject, []byte("{}")) }) {
			t.Errorf("%s: may say something to %s", name, say.subject)
		}
	}
	for name, by := range map[string]*thief{"mouth": mouth, "porch": porch} {
		if by.try(t, func() error { _, err := by.SubscribeSync(">"); return err }) {
			t.Errorf("%s hears", name)
		}
	}
	w.hold("edge-1", with(5001)) // all that is needed is allowed
}

// TestGenerationsThatCannotBe lets an agent claim a later generation than there is: what it must hold is told again above it though nothing changes, and
// one that would begin at 0 again counts for nothing.
func TestGenerationsThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	w.hold("edge-1", with(5001))
	th := steal(t, w, r)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	lie := w.until("edge-1", "is stopped", func(s Status) bool { return s.Report.Leaving }).Report
	lie.Leaving = false
	for _, test := range []struct{ claimed, want uint64 }{{1, 1}, {41, 42}, {1<<64 - 1, 42}, {mostGenerations + 1, 42}, {42, 42}, {43, 44}} {
		lie.Generation = test.claimed
		data, err := json.Marshal(lie)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(th.Publish(subjectReport+"edge-1", data), th.Flush()); err != nil {
			t.Fatal(err)
		}
		w.until("edge-1", fmt.Sprintf("claims %d", test.claimed), func(s Status) bool { return s.Report.Generation == test.claimed })
		d, err := w.gate.Edit(t.Context(), "edge-1", with(5001))
		if err != nil || d.Generation != test.want {
			t.Errorf("after a claim of generation %d: Edit = %d, %v; want %d", test.claimed, d.Generation, err, test.want)
		}
	}
	r.start()
	w.until("edge-1", "holds it", func(s Status) bool { return s.Health == OK && s.Report.Generation == 44 })
}

// TestFlood lets an agent report as fast as it can: the others are told and heard all the same.
func TestFlood(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	w.settle("edge-2")
	th := steal(t, w, r)
	for i := range 20_000 {
		lie := Report{Node: "edge-1", Protocol: Protocol, Boot: "flood", Objects: i}
		data, err := json.Marshal(lie)
		if err != nil {
			t.Fatal(err)
		}
		if err := th.Publish(subjectReport+"edge-1", data); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	w.hold("edge-2", with(5001))
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("edge-2 was told and heard after %v", took)
	}
	w.until("edge-1", "has said all", func(s Status) bool { return s.Report.Objects == 19_999 || s.Report.Boot != "flood" })
}
