package cache

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Statuses of the Varnish CLI (varnish-cli(7), vcli.h).
const (
	cliUnknown = 101 // unknown request; also any command before the login
	cliSyntax  = 104
	cliTooMany = 105 // too many parameters
	cliParam   = 106 // a parameter is wrong; the body says how
	cliAuth    = 107 // the body begins with a challenge
	cliOK      = 200
	cliCant    = 300 // understood, but cannot now: the child does not run
	cliComms   = 400 // the master cannot talk to the child
	cliClose   = 500
)

const (
	cliHeadBytes      = 13       // "%-3d %-8d\n", see VCLI_WriteResult
	cliChallengeBytes = 32       // of the banner's body
	cliBodyMax        = 16 << 20 // a list of 1,000 bans is 100 KiB
	cliNotRunning     = "Child not running"
)

// cli is one kept connection to a Varnish management port. It logs in when it connects, sends one command at a time, and forgets
// the connection after any error of input or output, so that an answer is never taken for that of another command.
type cli struct {
	address string
	secret  func() ([]byte, error)
	timeout time.Duration

	turn   chan struct{} // holds one token: whoever has it may use the fields below
	conn   net.Conn
	r      *bufio.Reader
	closed bool
	banner string
	once   sync.Once
}

func newCLI(address string, secret func() ([]byte, error), timeout time.Duration) *cli {
	c := &cli{address: address, secret: secret, timeout: timeout, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

// cliReply is one frame from the server.
type cliReply struct {
	status int
	body   string
	fresh  bool // the connection was made for this command
}

// lost is an error after which nobody knows whether the server acted: the connection broke between sending and answer.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// do sends one command that may safely be repeated, and repeats it once when a kept connection turns out to be dead.
func (c *cli) do(ctx context.Context, command string) (cliReply, error) {
	reply, err := c.once1(ctx, command)
	if lost, ok := errors.AsType[*lostError](err); ok && !reply.fresh && !isTimeout(lost.err) && ctx.Err() == nil {
		return c.once1(ctx, command)
	}
	return reply, err
}

// once1 sends one command exactly once. A *lostError says that the server may or may not have acted.
func (c *cli) once1(ctx context.Context, command string) (cliReply, error) {
	if strings.ContainsAny(command, "\n\r\x00") {
		return cliReply{}, fmt.Errorf("%w: control character in command", ErrRefused)
	}
	select {
	case <-c.turn:
		defer func() { c.turn <- struct{}{} }()
	case <-ctx.Done():
		return cliReply{}, ctx.Err()
	}
	if c.closed {
		return cliReply{}, net.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	fresh := c.conn == nil
	if fresh {
		if err := c.connect(ctx); err != nil {
			return cliReply{fresh: true}, err
		}
	}
	reply, err := c.exchange(ctx, c.conn, command)
	reply.fresh = fresh
	if err != nil {
		c.drop()
		return reply, &lostError{err}
	}
	return reply, nil
}

// connect dials, reads the banner and answers the challenge.
func (c *cli) connect(ctx context.Context) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return err
	}
	c.conn, c.r = conn, bufio.NewReader(conn)
	if err := c.login(ctx); err != nil {
		c.drop()
		return fmt.Errorf("log in to CLI %s: %w", c.address, err)
	}
	return nil
}

func (c *cli) login(ctx context.Context) error {
	reply, err := c.exchange(ctx, c.conn, "")
	if err != nil {
		return err
	}
	asked := reply.status == cliAuth
	if asked {
		if reply, err = c.answer(ctx, reply.body); err != nil {
			return err
		}
	}
	switch {
	case reply.status == cliOK:
		if !strings.Contains(reply.body, "Varnish") {
			return fmt.Errorf("%w: banner %s", ErrNoSignature, clip(reply.body))
		}
		c.banner = reply.body
		return nil
	case asked && (reply.status == cliAuth || reply.status == cliClose): // another challenge (Varnish 4 to 6), or the end of the session (7.1)
		return ErrWrongSecret
	default:
		return &StatusError{Status: reply.status, Reason: firstLine(reply.body)}
	}
}

// answer proves knowledge of the secret: sha256 over challenge, newline, secret, challenge, newline (varnish-cli(7)).
func (c *cli) answer(ctx context.Context, body string) (cliReply, error) {
	if len(body) < cliChallengeBytes {
		return cliReply{}, fmt.Errorf("%w: challenge of %d bytes", ErrNoSignature, len(body))
	}
	if c.secret == nil {
		return cliReply{}, fmt.Errorf("%w: the server asks for a secret and none is configured", ErrWrongSecret)
	}
	secret, err := c.secret()
	if err != nil {
		return cliReply{}, fmt.Errorf("read CLI secret: %w", err)
	}
	return c.exchange(ctx, c.conn, "auth "+authDigest(body[:cliChallengeBytes], secret))
}

func authDigest(challenge string, secret []byte) string {
	h := sha256.New()
	h.Write([]byte(challenge + "\n"))
	h.Write(secret)
	h.Write([]byte(challenge + "\n"))
	return hex.EncodeToString(h.Sum(nil))
}

// exchange writes a command ("" = write nothing) and reads one frame. Cancelling ctx ends it at once.
func (c *cli) exchange(ctx context.Context, conn net.Conn, command string) (cliReply, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(c.timeout)
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return cliReply{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // wakes the read below; its error tells
	defer stop()
	if command != "" {
		if _, err := io.WriteString(conn, command+"\n"); err != nil {
			return cliReply{}, c.why(ctx, err)
		}
	}
	reply, err := readFrame(c.r)
	return reply, c.why(ctx, err)
}

// why names the cause of an error of input or output: the caller's own end, or a server that does not answer.
func (c *cli) why(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return context.Canceled
	case isTimeout(err):
		return fmt.Errorf("no answer within %s: %w", c.timeout, context.DeadlineExceeded)
	}
	return err
}

// readFrame reads "%-3d %-8d\n", a body of that many bytes, and a newline.
func readFrame(r io.Reader) (cliReply, error) {
	var head [cliHeadBytes]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return cliReply{}, err
	}
	status, ok1 := atoiPadded(string(head[:3]))
	size, ok2 := atoiPadded(string(head[4:12]))
	if !ok1 || !ok2 || head[3] != ' ' || head[12] != '\n' {
		return cliReply{}, fmt.Errorf("%w: %s is no Varnish CLI frame", ErrNoSignature, clip(string(head[:])))
	}
	if size > cliBodyMax {
		return cliReply{}, fmt.Errorf("%w: CLI answer of %d bytes", ErrTooLarge, size)
	}
	var body strings.Builder
	if _, err := io.CopyN(&body, r, int64(size)); err != nil {
		return cliReply{}, unexpected(err)
	}
	var end [1]byte
	if _, err := io.ReadFull(r, end[:]); err != nil {
		return cliReply{}, unexpected(err)
	}
	if end[0] != '\n' {
		return cliReply{}, fmt.Errorf("%w: CLI answer does not end with a newline", ErrNoSignature)
	}
	return cliReply{status: status, body: body.String()}, nil
}

func atoiPadded(s string) (int, bool) {
	s = strings.TrimRight(s, " ")
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

func (c *cli) drop() {
	if c.conn != nil {
		_ = c.conn.Close() // it is broken or no longer wanted
	}
	c.conn, c.r = nil, nil
}

// close ends the connection; a command under way finishes first, at most after the timeout.
func (c *cli) close() error {
	c.once.Do(func() {
		<-c.turn
		c.closed = true
		c.drop()
		c.turn <- struct{}{}
	})
	return nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func isTimeout(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return clip(line)
}

// clip quotes foreign text for a message, cut to a readable length.
func clip(s string) string {
	const limit = 120
	if len(s) > limit {
		s = s[:limit] + "..."
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}
