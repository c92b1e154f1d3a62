package socket

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/shitops/opsbot/bot/door"
)

// MaxBody is the most bytes of one request that are read.
const MaxBody = 1 << 20

// Deadlines of the server. A request is small and local, so that a slow one is a broken one; an answer may take as long as its run.
const (
	headTimeout  = 5 * time.Second
	bodyTimeout  = 10 * time.Second
	writeTimeout = 30 * time.Second // of one line, for a reader that has stopped reading
	idleTimeout  = 2 * time.Minute
)

// ErrRefused is in the chain of an error of Options' funcs that says that the caller may not.
var ErrRefused = errors.New("not allowed")

// Options is what a server needs. Path and Desk are required; a request whose func is nil is answered with 404.
type Options struct {
	Path  string
	Mode  fs.FileMode // of the socket, 0660 when zero
	Group string      // of the socket, by name or number; the process's own when empty
	Desk  door.Desk
	Line  int // most characters of one line, 2000 when zero
	Log   *slog.Logger

	Health func(ctx context.Context) Health
	// The funcs below check the caller's rights themselves, and return an error with ErrRefused in its chain.
	Reload func(ctx context.Context, p Peer) error
	Config func(ctx context.Context, p Peer) ([]byte, error) // the running configuration, as it was read
	// Review returns what was said since a time and not understood at once.
	Review func(ctx context.Context, p Peer, since time.Time) ([]Misread, error)
	Export func(ctx context.Context, p Peer, w io.Writer) error
	// Enrol makes a one-time code for the agent of a node and returns the line to type there.
	Enrol func(ctx context.Context, p Peer, node string) (string, error)
}

// Server answers on the socket until Stop.
type Server struct {
	o      Options
	l      *net.UnixListener
	http   *http.Server
	cancel context.CancelFunc
	served sync.WaitGroup
	err    error // of serving, read after served
}

// Start makes the socket and answers on it. Ctx bounds the start alone.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Path == "" || o.Desk == nil {
		return nil, errors.New("start the local socket: path and desk are required")
	}
	if o.Mode == 0 {
		o.Mode = 0o660
	}
	if o.Line == 0 {
		o.Line = 2000
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l, err := listen(ctx, o.Path, o.Mode, o.Group)
	if err != nil {
		return nil, err
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{o: o, l: l, cancel: cancel}
	s.http = &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: headTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext:       withPeer,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
	}
	s.served.Go(func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.err = fmt.Errorf("serve socket %s: %w", o.Path, err)
			o.Log.Error("local socket is deaf", "path", o.Path, "error", err)
		}
	})
	return s, nil
}

// Path returns where the socket lies.
func (s *Server) Path() string { return s.o.Path }

// Stop lets nobody new in, ends the listening of those who wait for an answer (their runs go on), and removes the socket. It returns when
// every request has ended, at the latest when ctx does.
func (s *Server) Stop(ctx context.Context) error {
	s.cancel()
	err := s.http.Shutdown(ctx) // closes the listener, which removes the socket
	if err != nil {
		err = errors.Join(fmt.Errorf("stop socket %s: %w", s.o.Path, err), s.http.Close())
	}
	s.served.Wait()
	return errors.Join(err, s.err)
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /say", s.say)
	mux.HandleFunc("GET /complete", s.complete)
	mux.HandleFunc("GET /health", s.health)
	mux.HandleFunc("POST /reload", s.reload)
	mux.HandleFunc("GET /config", s.config)
	mux.HandleFunc("GET /review", s.review)
	mux.HandleFunc("POST /export", s.export)
	mux.HandleFunc("POST /enrol", s.enrol)
	return mux
}

func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	if s.o.Health == nil {
		answer(w, http.StatusNotFound, &Problem{Text: "this bot does not tell its health", Exit: door.NotFound})
		return
	}
	h := s.o.Health(r.Context())
	status := http.StatusOK
	if !h.Ready {
		status = http.StatusServiceUnavailable
	}
	answer(w, status, h)
}

func (s *Server) complete(w http.ResponseWriter, r *http.Request) {
	line := r.URL.Query().Get("line")
	if utf8.RuneCountInString(line) > s.o.Line {
		line = ""
	}
	answer(w, http.StatusOK, s.o.Desk.Complete(line))
}

func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	p, ok := s.caller(w, r, s.o.Reload != nil)
	if !ok {
		return
	}
	if err := s.o.Reload(r.Context(), p); err != nil {
		refuse(w, "reload", err)
		return
	}
	answer(w, http.StatusOK, struct{}{})
}

func (s *Server) config(w http.ResponseWriter, r *http.Request) {
	p, ok := s.caller(w, r, s.o.Config != nil)
	if !ok {
		return
	}
	text, err := s.o.Config(r.Context(), p)
	if err != nil {
		refuse(w, "read the running configuration", err)
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(text) // a caller that is gone needs no answer
}

func (s *Server) review(w http.ResponseWriter, r *http.Request) {
	p, ok := s.caller(w, r, s.o.Review != nil)
	if !ok {
		return
	}
	since, err := time.Parse(time.RFC3339, r.URL.Query().Get("since"))
	if err != nil {
		answer(w, http.StatusBadRequest, usage("review: since is no time", "give it as RFC 3339 has it"))
		return
	}
	list, err := s.o.Review(r.Context(), p, since)
	if err != nil {
		refuse(w, "review", err)
		return
	}
	answer(w, http.StatusOK, list)
}

func (s *Server) enrol(w http.ResponseWriter, r *http.Request) {
	p, ok := s.caller(w, r, s.o.Enrol != nil)
	if !ok {
		return
	}
	line, err := s.o.Enrol(r.Context(), p, r.URL.Query().Get("node"))
	if err != nil {
		refuse(w, "enrol", err)
		return
	}
	answer(w, http.StatusOK, line)
}

// export streams. An error after the first byte can not become a status any more: it is told in a trailer.
func (s *Server) export(w http.ResponseWriter, r *http.Request) {
	p, ok := s.caller(w, r, s.o.Export != nil)
	if !ok {
		return
	}
	w.Header().Set("Trailer", trailer)
	out := &stream{w: w, control: http.NewResponseController(w)}
	err := s.o.Export(r.Context(), p, out)
	switch {
	case err == nil && !out.begun:
		w.WriteHeader(http.StatusOK)
	case err != nil && !out.begun:
		w.Header().Del("Trailer")
		refuse(w, "export", err)
		return
	case err != nil:
		s.o.Log.Warn("export broke off", "peer", p.Identity(), "error", err)
	}
	if err == nil {
		w.Header().Set(trailer, "complete")
	} else {
		w.Header().Set(trailer, "failed: "+err.Error())
	}
}

// trailer tells how an export ended: "complete", or "failed: " and why.
const trailer = "Opsbot-Export"

// caller returns who is asking; it has answered when ok is false.
func (s *Server) caller(w http.ResponseWriter, r *http.Request, known bool) (p Peer, ok bool) {
	if !known {
		answer(w, http.StatusNotFound, &Problem{Text: fmt.Sprintf("this bot has no %s", r.URL.Path), Exit: door.NotFound})
		return p, false
	}
	p, err := peerFrom(r.Context())
	if err != nil {
		answer(w, http.StatusForbidden, &Problem{Text: err.Error(), Exit: door.Refused})
		return p, false
	}
	return p, true
}

// refuse answers with an error of one of Options' funcs.
func refuse(w http.ResponseWriter, what string, err error) {
	var p *Problem
	switch {
	case errors.As(err, &p):
		answer(w, http.StatusUnprocessableEntity, p)
	case errors.Is(err, ErrRefused):
		answer(w, http.StatusForbidden, &Problem{Text: what + ": " + err.Error(), Exit: door.Refused})
	default:
		answer(w, http.StatusInternalServerError, &Problem{Text: what + ": " + err.Error(), Exit: door.Failure})
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a caller that is gone needs no answer
}

// stream writes at once, and gives up on a reader that has stopped reading.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

func (s *stream) Write(b []byte) (int, error) {
	s.begun = true
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	n, err := s.w.Write(b)
	if err == nil {
		err = s.control.Flush()
	}
	return n, err
}

func newID() string { return rand.Text() }
