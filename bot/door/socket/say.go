package socket

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// DoorName is the Origin.Door of messages from the socket.
const DoorName = "say"

// say takes one line and streams what the desk answers. A caller who goes away ends only the listening: what was accepted goes on.
func (s *Server) say(w http.ResponseWriter, r *http.Request) {
	p, ok := s.caller(w, r, true)
	if !ok {
		return
	}
	line, problem := s.read(w, r)
	if problem != nil {
		answer(w, http.StatusBadRequest, problem)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := &stream{w: w, control: http.NewResponseController(w)}
	exit := s.o.Desk.Handle(r.Context(), line.message(p.Identity(), time.Now()), func(c reply.Card) {
		s.send(out, event{Card: &c})
	})
	s.send(out, event{Exit: &exit})
}

// send writes one event. A reader that is gone is no error of the run: its request context ends, and with it the listening.
func (s *Server) send(out *stream, e event) {
	b, err := encodeEvent(e)
	if err != nil {
		s.o.Log.Error("card is lost", "error", err)
		return
	}
	if _, err := out.Write(b); err != nil {
		s.o.Log.Debug("reader is gone", "error", err)
	}
}

// encodeEvent keeps the runes that steer a terminal escaped, for people who read the stream with curl.
func encodeEvent(e event) ([]byte, error) {
	if e.Card == nil {
		b, err := json.Marshal(e)
		return append(b, '\n'), err
	}
	card, err := reply.JSON(*e.Card)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "{\"card\":%s}\n", bytes.TrimSpace(card)), nil
}

// message is the line as the desk takes it. The ids of callers are kept apart by who they are: nobody can repeat, or answer, what
// another one said.
func (l Line) message(as string, at time.Time) door.Message {
	id := l.ID
	if id == "" {
		id = newID()
	}
	return door.Message{
		ID:     DoorName + "/" + as + "/" + id,
		Text:   l.Text,
		As:     as,
		Origin: actions.Origin{Door: DoorName, Channel: as, Thread: as + "/" + l.Thread, Message: id},
		At:     at,
		Yes:    l.Yes,
	}
}

// read returns the line of a request, or what is wrong with it. It reads up to MaxBody; of a longer body the rest is thrown away, so that the
// caller, who is still writing, gets to read the answer.
func (s *Server) read(w http.ResponseWriter, r *http.Request) (Line, *Problem) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout)) // not supported means none; the limit holds all the same
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err != nil {
		return Line{}, usage(fmt.Sprintf("read the request: %v", err), "")
	}
	if len(body) > MaxBody {
		_, _ = io.CopyN(io.Discard, r.Body, 64*MaxBody) // how it ends does not matter: the answer is no
		return Line{}, usage(fmt.Sprintf("the request has more than %d bytes", MaxBody), fmt.Sprintf("a line may have %d characters", s.o.Line))
	}
	_ = control.SetReadDeadline(time.Time{})
	var l Line
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return Line{}, usage(fmt.Sprintf("read the request as JSON: %v", err), `send {"text":"..."}`)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Line{}, usage("read the request as JSON: there is more behind the object", "send one line a request")
	}
	return l, s.check(l)
}

func (s *Server) check(l Line) *Problem {
	if n := utf8.RuneCountInString(l.Text); n > s.o.Line {
		return usage(fmt.Sprintf("the line has %d characters", n), fmt.Sprintf("a line may have %d (limits.line); nothing of it was read", s.o.Line))
	}
	for name, v := range map[string]string{"thread": l.Thread, "id": l.ID} {
		if !token(v) {
			return usage(fmt.Sprintf("the %s %.80q is not one", name, v), `use up to 64 letters, digits, ".", "_" and "-"`)
		}
	}
	return nil
}

func token(v string) bool {
	const set = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return len(v) <= 64 && strings.Trim(v, set) == ""
}

func usage(text, hint string) *Problem { return &Problem{Text: text, Hint: hint, Exit: door.Usage} }
