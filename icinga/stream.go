package icinga

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// maxLine bounds one event. An output of 300 kB of control characters is 1.8 MB as JSON.
const maxLine = 8 << 20

// Stream is an open stream of events. It is used by one goroutine at a time; the context it was opened with ends it from outside.
//
// While it is open Icinga2 loses nothing and sends nothing twice, but what happens while it is not is never sent: open it first, then ask how all
// is, then read. An event comes within 5 ms or up to 5 s late, and in silence nothing at all comes, also when the other end is gone.
type Stream struct {
	body  io.ReadCloser
	r     *bufio.Reader
	long  []byte       // a line that is longer than the reader's buffer
	ended func() error // why nobody wants it any more, nil while somebody does
}

// Stream opens a stream of events of these types, none for all of [EventTypes]. The error holds ErrForbidden when a permission is missing, of which
// one suffices to have none of it.
func (c *Client) Stream(ctx context.Context, types ...EventType) (*Stream, error) {
	const op = "open the stream of events"
	if len(types) == 0 {
		types = EventTypes()
	}
	k := call{op: op, path: "/v1/events", body: map[string]any{
		"types": types, "queue": "opsbot", // without one versions before 2.16 refuse; all get everything whatever it is
	}}
	req, err := c.request(ctx, k)
	if err != nil {
		return nil, fmt.Errorf("icinga2: %s: %w", op, err)
	}
	resp, err := c.stream.Do(req)
	if err != nil {
		return nil, noAnswer(op, err)
	}
	if resp.StatusCode == http.StatusOK {
		return &Stream{body: resp.Body, r: bufio.NewReaderSize(resp.Body, 64<<10), ended: ctx.Err}, nil
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	_ = resp.Body.Close() // nothing more is wanted of it
	if err != nil {
		return nil, noAnswer(op, err)
	}
	if _, failed := decode(resp.StatusCode, data); failed != nil {
		failed.Op = op
		return nil, c.explain(ctx, failed, needsOf(types)...)
	}
	return nil, &Error{Op: op, Code: resp.StatusCode, kind: ErrUnavailable, Status: "no stream, but: " + oneLine(string(data))}
}

// Streamed returns those of [EventTypes] that the permissions allow.
func (p Permissions) Streamed() []EventType {
	return slices.DeleteFunc(EventTypes(), func(t EventType) bool { return !p.Has("events/" + string(t)) })
}

func needsOf(types []EventType) []string {
	var needs []string
	for _, t := range types {
		needs = append(needs, "events/"+string(t))
	}
	return needs
}

// Next waits for the next event. In the place of a line that is no event, or longer than 8 MB, comes one of the type EventSkipped. The error is
// that the stream has ended, which holds ErrUnavailable, and that of the context where that was the end.
func (s *Stream) Next() (Event, error) {
	for {
		line, err := s.line()
		if errors.Is(err, bufio.ErrTooLong) {
			return skipped(err), nil
		}
		if err != nil {
			return Event{}, noAnswer("read the stream of events", cmp.Or(s.ended(), err)) // a cut connection may look like an end
		}
		if len(line) == 0 {
			continue
		}
		e, err := decodeEvent(line)
		if err != nil {
			return skipped(err), nil
		}
		return e, nil
	}
}

// Close ends the stream.
func (s *Stream) Close() error { return s.body.Close() }

// line returns the next line without its end; it holds until the next call. Half a line at the end of the stream is none.
func (s *Stream) line() ([]byte, error) {
	line, err := s.r.ReadSlice('\n')
	if err == nil {
		return line[:len(line)-1], nil
	}
	s.long = s.long[:0]
	tooLong := false
	for errors.Is(err, bufio.ErrBufferFull) {
		if tooLong = tooLong || len(s.long)+len(line) > maxLine; tooLong {
			s.long = nil
		} else {
			s.long = append(s.long, line...)
		}
		line, err = s.r.ReadSlice('\n')
	}
	switch {
	case err != nil:
		return nil, err
	case tooLong:
		return nil, bufio.ErrTooLong
	}
	return append(s.long, line[:len(line)-1]...), nil
}
