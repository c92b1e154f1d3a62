package agent

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/shitops/opsbot/actions/store"
)

// codeLife is how long a code is good.
const codeLife = 10 * time.Minute

// enrolledPrefix is of the keys of enrolled agents in the bucket of the inventory, codePrefix of the hashes of codes in that of guards.
const (
	enrolledPrefix = "agent."
	codePrefix     = "enrol-code."
)

// Code enrols one agent once.
type Code struct {
	Node  string
	Text  string // what --code takes
	Line  string // what to type on the node
	Until time.Time
}

// Enrolled says whose key may speak for a node.
type Enrolled struct {
	Node  string    `json:"node"`
	NKey  string    `json:"nkey"` // public half; empty when there is no agent any more
	By    string    `json:"by"`
	Since time.Time `json:"since"`
}

// pending is a code as it is stored, under its hash.
type pending struct {
	Node string `json:"node"`
	By   string `json:"by"`
	NKey string `json:"nkey,omitempty"` // who consumed it
}

// join is what a newcomer or an agent whose token has ended says, signed by its own key.
type join struct {
	Protocol int       `json:"protocol"`
	Code     string    `json:"code,omitempty"` // of a newcomer
	Node     string    `json:"node,omitempty"` // of one that is enrolled
	NKey     string    `json:"nkey"`
	Box      string    `json:"box"` // to which the answer is sealed
	At       time.Time `json:"at"`
}

type signedJoin struct {
	Join []byte `json:"join"`
	Sign []byte `json:"sign"`
}

// joined is the answer, sealed so that nobody else in the account of newcomers can read it.
type joined struct {
	Node    string   `json:"node,omitempty"`
	Token   string   `json:"token,omitempty"`
	Trust   trust    `json:"trust"`
	Keys    KeySet   `json:"keys"`
	History [][]byte `json:"history,omitempty"`
	Err     string   `json:"error,omitempty"`
	Final   bool     `json:"final,omitempty"` // trying again is in vain
}

type sealedJoin struct {
	Box  string `json:"box"` // who sealed it
	Data []byte `json:"data"`
}

// errRefused is of an agent that is not let in, however often it asks.
type errRefused struct{ why string }

func (e errRefused) Error() string { return e.why }

// NewCode makes a code that lets one agent speak for a node. A node whose agent is lost gets a new one the same way: the old key then ends.
func (g *Gate) NewCode(ctx context.Context, id, by string) (Code, error) {
	if err := CheckID(id); err != nil {
		return Code{}, err
	}
	anchor, err := g.presenter.anchor()
	if err != nil {
		return Code{}, err
	}
	secret := strings.ToLower(rand.Text())[:20] // 100 bits
	value, err := json.Marshal(pending{Node: id, By: by})
	if err != nil {
		return Code{}, fmt.Errorf("make a code for %s: %w", id, err)
	}
	if _, err := g.guards.CreateFor(ctx, codeKey(secret), value, codeLife); err != nil {
		return Code{}, fmt.Errorf("keep a code for %s: %w", id, err)
	}
	c := Code{Node: id, Text: secret + "-" + fingerprint(anchor), Until: g.o.Now().Add(codeLife)}
	c.Line = fmt.Sprintf("opsbot agent --bot %s --code %s", g.public(), c.Text)
	return c, nil
}

// codeKey is where a code lies: only its hash is kept.
func codeKey(secret string) string {
	sum := sha256.Sum256([]byte("opsbot enrolment code\n" + secret))
	return codePrefix + hex.EncodeToString(sum[:])
}

// public is where agents reach the gate.
func (g *Gate) public() string {
	address := cmp.Or(g.o.Public, g.Addr(), "THIS-HOST:4443")
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		if name, err := os.Hostname(); err == nil {
			return net.JoinHostPort(name, port)
		}
	}
	return address
}

// Enrolled returns whose key speaks for a node.
func (g *Gate) Enrolled(id string) (Enrolled, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, ok := g.nodes[id]
	if !ok || n.enrolled.NKey == "" {
		return Enrolled{}, false
	}
	return n.enrolled, true
}

// Revoke ends the agent of a node at once: its connection is dropped and its token refused. What the node holds stays. An id without an agent
// is no error.
func (g *Gate) Revoke(ctx context.Context, id string) error {
	if err := CheckID(id); err != nil {
		return err
	}
	have, revision, err := g.readEnrolled(ctx, id)
	if err != nil || revision == 0 {
		return err
	}
	if err := g.inventory.Delete(ctx, enrolledPrefix+id, revision); err != nil {
		return fmt.Errorf("end the agent of %s: %w", id, err)
	}
	g.mu.Lock()
	if n, ok := g.nodes[id]; ok {
		n.enrolled, n.connected = Enrolled{}, false
	}
	g.mu.Unlock()
	return g.drop(have.NKey)
}

// drop refuses all tokens of a key from now on, and ends its connection.
func (g *Gate) drop(nkey string) error {
	g.ringMu.Lock()
	defer g.ringMu.Unlock()
	if err := g.ring.revoke(nkey, g.o.Now()); err != nil {
		return err
	}
	defer g.reseal()
	claims := g.accounts.agentsClaims()
	token, err := claims.Encode(g.accounts.operator)
	if err != nil {
		return fmt.Errorf("revoke a key: %w", err)
	}
	if err := g.accounts.resolver.Store(claims.Subject, token); err != nil {
		return fmt.Errorf("revoke a key: %w", err)
	}
	account, err := g.server.LookupAccount(claims.Subject)
	if err != nil {
		return fmt.Errorf("revoke a key: %w", err)
	}
	if claims, err = jwt.DecodeAccountClaims(token); err != nil {
		return fmt.Errorf("revoke a key: %w", err)
	}
	g.server.UpdateAccountClaims(account, claims)
	return nil
}

// readEnrolled returns an enrolled agent as it is stored; revision 0 says that there is none.
func (g *Gate) readEnrolled(ctx context.Context, id string) (Enrolled, uint64, error) {
	entry, err := g.inventory.Get(ctx, enrolledPrefix+id)
	if errors.Is(err, store.ErrNotFound) {
		return Enrolled{}, 0, nil
	}
	if err != nil {
		return Enrolled{}, 0, fmt.Errorf("read the agent of %s: %w", id, err)
	}
	var e Enrolled
	if err := json.Unmarshal(entry.Value, &e); err != nil {
		return Enrolled{}, 0, fmt.Errorf("read the agent of %s: %w", id, err)
	}
	return e, entry.Revision, nil
}

// joinTime bounds what is done for one newcomer.
const joinTime = 10 * time.Second

// hearJoin answers somebody without a token. Who it is is proved by the signature; the answer goes to its key alone, sealed.
func (g *Gate) hearJoin(data []byte) {
	j, err := readJoin(data)
	if err != nil {
		g.o.Log.Info("newcomer turned away", "err", err)
		return
	}
	answer := g.admit(j)
	text, err := json.Marshal(answer)
	if err == nil {
		text, err = g.box.Seal(text, j.Box)
	}
	var own string
	if err == nil {
		own, err = g.box.PublicKey()
	}
	if err == nil {
		text, err = json.Marshal(sealedJoin{Box: own, Data: text})
	}
	if err == nil {
		err = g.porch.Publish(subjectSeal+j.NKey, text)
	}
	if err != nil {
		g.o.Log.Warn("newcomer not answered", "err", err)
	}
}

// readJoin checks the shape and the signature.
func readJoin(data []byte) (join, error) {
	var s signedJoin
	var j join
	if err := json.Unmarshal(data, &s); err != nil {
		return j, fmt.Errorf("read a join: %w", err)
	}
	if err := json.Unmarshal(s.Join, &j); err != nil {
		return j, fmt.Errorf("read a join: %w", err)
	}
	if !nkeys.IsValidPublicUserKey(j.NKey) || !nkeys.IsValidPublicCurveKey(j.Box) {
		return j, errors.New("read a join: it holds no key")
	}
	key, err := nkeys.FromPublicKey(j.NKey)
	if err != nil {
		return j, fmt.Errorf("read a join: %w", err)
	}
	if err := key.Verify(s.Join, s.Sign); err != nil {
		return j, fmt.Errorf("join of %s: not signed by its key: %w", j.NKey, err)
	}
	return j, nil
}

// admit decides who comes in.
func (g *Gate) admit(j join) joined {
	ctx, cancel := context.WithTimeout(context.Background(), joinTime)
	defer cancel()
	answer, err := g.welcome(ctx, j)
	if err != nil {
		g.o.Log.Info("newcomer turned away", "node", answer.Node, "key", j.NKey, "err", err)
		var refused errRefused
		return joined{Err: err.Error(), Final: errors.As(err, &refused)}
	}
	return answer
}

func (g *Gate) welcome(ctx context.Context, j join) (answer joined, err error) {
	if j.Protocol < oldest {
		return answer, errRefused{fmt.Sprintf("this agent speaks version %d, the bot %d and %d: install the bot's version", j.Protocol, oldest, Protocol)}
	}
	id := j.Node
	if j.Code != "" {
		if id, err = g.consume(ctx, j); err != nil {
			return answer, err
		}
		if err := g.enrol(ctx, id, j.NKey); err != nil {
			return answer, err
		}
	}
	answer.Node = id
	if err := CheckID(id); err != nil {
		return answer, errRefused{err.Error()}
	}
	have, revision, err := g.readEnrolled(ctx, id)
	switch {
	case err != nil:
		return answer, err
	case revision == 0 || have.NKey != j.NKey:
		return answer, errRefused{fmt.Sprintf("this key is not enrolled for %s: a new code is needed (opsbot enrol %s)", id, id)}
	}
	if answer.Token, err = g.accounts.token(id, j.NKey, g.o.Now()); err != nil {
		return answer, err
	}
	answer.Trust, err = g.presenter.trust()
	g.ringMu.Lock()
	answer.Keys, answer.History = g.ring.set(), g.ring.History
	g.ringMu.Unlock()
	return answer, err
}

// consume takes a code for a key, once: by compare-and-set. The same key may take it again, since its answer may have been lost.
func (g *Gate) consume(ctx context.Context, j join) (id string, err error) {
	bad := errRefused{"this code is unknown, used or older than ten minutes: say \"enrol NODE\" to the bot for a new one"}
	secret, _, _ := strings.Cut(j.Code, "-")
	key := codeKey(secret)
	entry, err := g.guards.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return "", bad
	}
	if err != nil {
		return "", fmt.Errorf("read a code: %w", err)
	}
	var p pending
	if err := json.Unmarshal(entry.Value, &p); err != nil {
		return "", fmt.Errorf("read a code: %w", err)
	}
	left := entry.At.Add(codeLife).Sub(g.o.Now()).Truncate(time.Second)
	if left < 0 {
		return "", bad // the store has not forgotten it yet
	}
	switch p.NKey {
	case j.NKey:
		return p.Node, nil
	case "":
	default:
		return "", bad
	}
	p.NKey = j.NKey
	value, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("use a code: %w", err)
	}
	if _, err := g.guards.UpdateFor(ctx, key, value, entry.Revision, max(left, time.Second)); err != nil {
		return "", fmt.Errorf("use a code: %w", err)
	}
	return p.Node, nil
}

// enrol lets a key speak for a node, in the place of any other.
func (g *Gate) enrol(ctx context.Context, id, nkey string) error {
	have, revision, err := g.readEnrolled(ctx, id)
	if err != nil || revision != 0 && have.NKey == nkey {
		return err
	}
	e := Enrolled{Node: id, NKey: nkey, By: "code", Since: g.o.Now().UTC()}
	value, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("enrol %s: %w", id, err)
	}
	if revision == 0 {
		_, err = store.CreateSure(ctx, g.inventory, enrolledPrefix+id, value)
	} else {
		_, err = store.UpdateSure(ctx, g.inventory, enrolledPrefix+id, value, revision)
	}
	if err != nil {
		return fmt.Errorf("enrol %s: %w", id, err)
	}
	g.mu.Lock()
	g.node(id).enrolled = e
	g.mu.Unlock()
	g.o.Log.Info("agent enrolled", "node", id, "key", nkey, "instead of", have.NKey)
	if have.NKey != "" {
		return g.drop(have.NKey)
	}
	return nil
}

// hearRenew gives an agent a new token over its live connection.
func (g *Gate) hearRenew(id string, data []byte) {
	j, err := readJoin(data)
	if err == nil && (j.Node != id || j.Code != "") {
		err = fmt.Errorf("it speaks for %q", j.Node)
	}
	if err != nil {
		g.o.Log.Warn("token not renewed", "node", id, "err", err)
		return
	}
	answer := g.admit(j)
	if answer.Err != "" {
		return
	}
	g.say(id, order{Token: answer.Token, Trust: &answer.Trust})
}

// sweep ends connections of newcomers that have been there for longer than joining takes, so that they do not keep others out.
func (g *Gate) sweep(ctx context.Context) {
	tick := time.NewTicker(joinTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.sweepOnce(2 * joinTime)
		}
	}
}
