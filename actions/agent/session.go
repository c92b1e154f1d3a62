package agent

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// enrol makes the agent known to the bot if it is not yet, trying until ctx ends or it is refused.
func (a *Agent) enrol(ctx context.Context) error {
	code := a.o.Code
	if a.id.Node != "" && (code == "" || a.id.Code == hashCode(code)) {
		return nil
	}
	if code == "" {
		return errors.New("this node is not enrolled: opsbot enrol NODE, on the bot's machine, shows the line to type here")
	}
	_, print, ok := strings.Cut(code, "-")
	if !ok || len(print) != 26 {
		return errors.New("the code is not complete: copy the whole line that the bot shows")
	}
	for n := 0; ; n++ {
		answer, err := a.join(ctx, join{Code: code}, print)
		if err == nil {
			return a.enrolled(code, answer)
		}
		var refused errRefused
		if errors.As(err, &refused) || errors.Is(err, errOtherBot) {
			return fmt.Errorf("enrol: %w", err)
		}
		wait := retry(n)
		a.o.Log.Warn("not enrolled yet, trying again", "bot", a.id.Bot, "err", err, "wait", wait)
		if !pause(ctx, wait) {
			return fmt.Errorf("enrol: %w", err)
		}
	}
}

// enrolled keeps who the agent is now. What another bot said before is forgotten.
func (a *Agent) enrolled(code string, answer joined) error {
	if err := CheckID(answer.Node); err != nil {
		return fmt.Errorf("enrol: %w", err)
	}
	if err := a.disk.forgetState(); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.id.Node, a.id.Token, a.id.Trust, a.id.Keys, a.id.Code = answer.Node, answer.Token, answer.Trust, answer.Keys, hashCode(code)
	a.want = State{}
	return a.disk.saveIdentity(a.id)
}

// talk keeps a connection to the bot until talk ends. It begins no new one once ctx has ended.
func (a *Agent) talk(ctx, talk context.Context) {
	refused, wait := false, firstRetry
	for n := 0; talk.Err() == nil && ctx.Err() == nil; n++ {
		began := a.o.Now()
		met, err := a.session(ctx, talk, refused)
		if talk.Err() != nil || ctx.Err() != nil {
			return
		}
		refused = errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked)
		n = tries(n, met, a.o.Now().Sub(began), wait)
		wait = retry(n)
		a.o.Log.Warn("no connection to the bot, trying again; the node is kept as it must be meanwhile", "err", err, "wait", wait.Round(time.Millisecond))
		pause(ctx, wait)
	}
}

// tries is how many tries count after a connection has ended, n of them before it. What a bot that was met is waited for is short: one that starts again
// and again is not kept waiting, and one that sends us away each time is not flooded either.
func tries(n int, met bool, lasted, waited time.Duration) int {
	switch {
	case met && lasted > max(waited, firstRetry): // it was worth the wait
		return 0
	case met:
		return min(n, metRetries)
	}
	return n
}

// session is one connection, and tells whether the bot was met. renew says that the token was refused.
func (a *Agent) session(ctx, talk context.Context, renew bool) (met bool, err error) {
	if renew || a.tokenLeft() <= 0 {
		if err := a.renewByKey(ctx); err != nil {
			return false, err
		}
	}
	id := a.Node()
	ended := make(chan struct{})
	nc, err := a.connect(a.tls(""), func(o *nats.Options) {
		o.UserJWT, o.SignatureCB = func() (string, error) { return a.token(), nil }, a.sign
		o.ClosedCB = func(*nats.Conn) { close(ended) }
	})
	if err != nil {
		return false, err
	}
	var ear ear
	defer func() { nc.Close(); <-ended; ear.shut() }()
	if _, err := nc.Subscribe(subjectPush+id, func(m *nats.Msg) { ear.hear(func() { a.hear(ctx, m.Data) }) }); err != nil {
		return false, fmt.Errorf("listen to the bot: %w", err)
	}
	if err := nc.FlushTimeout(10 * time.Second); err != nil { // what is not subscribed yet would be missed
		return false, fmt.Errorf("listen to the bot: %w", err)
	}
	a.setBot(nc)
	defer a.setBot(nil)
	return true, a.converse(talk, nc, ended)
}

// ear hears until it is shut, and nothing after that: a connection does not wait for its handlers.
type ear struct {
	mu   sync.Mutex
	deaf bool
}

func (e *ear) hear(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.deaf {
		f()
	}
}

func (e *ear) shut() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.deaf = true
}

const (
	// hellos is how often an agent says that it is here, and what it holds, after it has connected.
	hellos = 4
	// helloAgain is the time before the second; each further one takes twice as long.
	helloAgain = time.Second
)

// converse tells the bot what is new until the connection ends.
func (a *Agent) converse(ctx context.Context, nc *nats.Conn, ended chan struct{}) error {
	if err := a.send(nc, subjectHello, a.current()); err != nil {
		return err
	}
	a.o.Log.Info("agent is connected", "node", a.Node(), "bot", a.id.Bot)
	// A bot that has just begun may not listen yet when it lets agents in: what it does not hear is said again.
	again := time.NewTimer(helloAgain)
	defer again.Stop()
	said := 1
	renew := time.NewTimer(max(time.Second, a.tokenLeft()-tokenLife/2))
	defer renew.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			return fmt.Errorf("connection to the bot ended: %w", cmpErr(nc.LastError(), errors.New("closed by the bot")))
		case <-renew.C:
			data, err := a.joinData(join{Node: a.Node()})
			if err == nil {
				err = nc.Publish(subjectRenew+a.Node(), data)
			}
			if err != nil {
				return fmt.Errorf("renew the token: %w", err)
			}
			renew.Reset(max(time.Minute, tokenLife/24))
		case <-again.C:
			if err := a.send(nc, subjectHello, a.current()); err != nil {
				return err
			}
			if said++; said < hellos {
				again.Reset(helloAgain << said)
			}
		case <-a.told:
			if err := a.tell(nc); err != nil {
				return err
			}
		}
	}
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// tell sends the report of now and the answers that wait.
func (a *Agent) tell(nc *nats.Conn) error {
	a.mu.Lock()
	answers := a.answers
	a.answers = nil
	a.mu.Unlock()
	for _, answer := range answers {
		if err := a.send(nc, subjectResult, answer); err != nil {
			return err
		}
	}
	return a.send(nc, subjectReport, a.current())
}

// send says something by the agent's own name.
func (a *Agent) send(nc *nats.Conn, subject string, v any) error {
	data, err := json.Marshal(v)
	if err == nil {
		err = nc.Publish(subject+a.Node(), data)
	}
	if err != nil {
		return fmt.Errorf("tell the bot: %w", err)
	}
	return nil
}

// current is the report of now.
func (a *Agent) current() Report {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.report
	r.Protocol, r.Version, r.Node, r.Boot = a.o.protocol, a.o.Version, a.id.Node, a.boot
	r.Keys, r.At, r.Leaving = a.id.Keys.Serial, a.o.Now().UTC(), a.stopping
	return r
}

func (a *Agent) setBot(nc *nats.Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bot = nc
}

func (a *Agent) token() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.id.Token
}

// tokenLeft is how long the token still lives.
func (a *Agent) tokenLeft() time.Duration {
	claims, err := jwt.DecodeUserClaims(a.token())
	if err != nil {
		return 0
	}
	return time.Unix(claims.Expires, 0).Sub(a.o.Now())
}

// sign proves to the server that the agent has its key.
func (a *Agent) sign(nonce []byte) ([]byte, error) {
	pair, err := nkeys.FromSeed([]byte(a.id.Seed))
	if err != nil {
		return nil, fmt.Errorf("the agent's key: %w", err)
	}
	return pair.Sign(nonce)
}

// tls returns how the bot is to prove who it is. With a print it is not known yet but by its code.
func (a *Agent) tls(print string) *tls.Config {
	a.mu.Lock()
	defer a.mu.Unlock()
	host, _, err := net.SplitHostPort(a.id.Bot)
	if err != nil {
		host = a.id.Bot
	}
	return clientTLS(host, print, a.id.Trust, a.o.Now)
}

// connect opens one connection, which does not come back by itself: session does that.
func (a *Agent) connect(config *tls.Config, credentials func(*nats.Options)) (*nats.Conn, error) {
	o := nats.GetDefaultOptions()
	o.Name, o.AllowReconnect, o.Timeout = "opsbot agent", false, 10*time.Second
	o.PingInterval, o.MaxPingsOut = 20*time.Second, 2
	if a.o.Local != nil {
		o.InProcessServer = a.o.Local
	} else {
		if a.id.Bot == "" {
			return nil, errRefused{"where is the bot? start with --bot HOST:PORT"}
		}
		o.Servers = []string{"tls://" + a.id.Bot}
		o.Secure, o.TLSConfig, o.TLSHandshakeFirst = true, config, true
	}
	o.AsyncErrorCB = func(_ *nats.Conn, _ *nats.Subscription, err error) {
		a.o.Log.Warn("connection to the bot", "err", err)
	}
	credentials(&o)
	nc, err := o.Connect()
	if err != nil {
		return nil, fmt.Errorf("connect to the bot at %s: %w", a.id.Bot, err)
	}
	return nc, nil
}

// renewByKey asks for a new token without having a good one.
func (a *Agent) renewByKey(ctx context.Context) error {
	answer, err := a.join(ctx, join{Node: a.Node()}, "")
	if err != nil {
		return fmt.Errorf("renew the token: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.id.Token, a.id.Trust = answer.Token, answer.Trust
	a.id.Keys = a.id.Keys.follow(answer.History)
	return a.disk.saveIdentity(a.id)
}

// joinData is a join, signed by the agent's key.
func (a *Agent) joinData(j join) ([]byte, error) {
	pair, err := nkeys.FromSeed([]byte(a.id.Seed))
	if err != nil {
		return nil, fmt.Errorf("the agent's key: %w", err)
	}
	if j.NKey, err = pair.PublicKey(); err != nil {
		return nil, fmt.Errorf("the agent's key: %w", err)
	}
	if j.Box == "" {
		box, err := nkeys.CreateCurveKeys()
		if err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
		if j.Box, err = box.PublicKey(); err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
	}
	j.Protocol, j.At = a.o.protocol, a.o.Now().UTC()
	var s signedJoin
	if s.Join, err = json.Marshal(j); err != nil {
		return nil, fmt.Errorf("join the bot: %w", err)
	}
	if s.Sign, err = pair.Sign(s.Join); err != nil {
		return nil, fmt.Errorf("join the bot: %w", err)
	}
	return json.Marshal(s)
}

// join asks to be let in, on a connection of its own, as somebody without a token.
func (a *Agent) join(ctx context.Context, j join, print string) (joined, error) {
	box, err := nkeys.CreateCurveKeys()
	if err != nil {
		return joined{}, fmt.Errorf("make a key: %w", err)
	}
	if j.Box, err = box.PublicKey(); err != nil {
		return joined{}, fmt.Errorf("make a key: %w", err)
	}
	data, err := a.joinData(j)
	if err != nil {
		return joined{}, err
	}
	pair, err := nkeys.FromSeed([]byte(a.id.Seed))
	if err != nil {
		return joined{}, fmt.Errorf("the agent's key: %w", err)
	}
	own, err := pair.PublicKey()
	if err != nil {
		return joined{}, fmt.Errorf("the agent's key: %w", err)
	}
	nc, err := a.connect(a.tls(print), func(*nats.Options) {})
	if err != nil {
		return joined{}, err
	}
	defer nc.Close()
	sub, err := nc.SubscribeSync(subjectSeal + own)
	if err == nil {
		err = nc.Publish(subjectJoin, data)
	}
	if err != nil {
		return joined{}, fmt.Errorf("join the bot: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return joined{}, fmt.Errorf("join the bot: no answer: %w", err)
		}
		answer, err := unseal(box, m.Data)
		switch {
		case err != nil: // not for us, whoever said it
		case answer.Err != "" && answer.Final:
			return answer, errRefused{answer.Err}
		case answer.Err != "":
			return answer, errors.New(answer.Err)
		default:
			return answer, nil
		}
	}
}

func unseal(box nkeys.KeyPair, data []byte) (joined, error) {
	var s sealedJoin
	var answer joined
	if err := json.Unmarshal(data, &s); err != nil {
		return answer, fmt.Errorf("answer of the bot: %w", err)
	}
	text, err := box.Open(s.Data, s.Box)
	if err != nil {
		return answer, fmt.Errorf("answer of the bot: %w", err)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return answer, fmt.Errorf("answer of the bot: %w", err)
	}
	return answer, nil
}
