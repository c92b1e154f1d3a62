package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// record numbers are one below the stream's, whose first message is the genesis.
const genesisOffset = 1

// log implements Log over one stream.
type log struct {
	name string
	w    *wire
}

// Append implements Log.
func (l *log) Append(ctx context.Context, id string, data []byte, after uint64) (uint64, error) {
	if err := CheckID(id); err != nil {
		return 0, err
	}
	if err := CheckValue("record "+id+" in "+l.name, data); err != nil {
		return 0, err
	}
	sequence, err := l.append(ctx, id, data, after, after+genesisOffset)
	if !errors.Is(err, ErrConflict) {
		return sequence, err
	}
	if sequence, known, askErr := l.recall(ctx, id); known || askErr != nil {
		return sequence, askErr
	}
	if after != 0 {
		return 0, err
	}
	// The log may hold nothing any more because all of it is older than the age; then its next record is the first again.
	if _, lastErr := l.Last(ctx); !errors.Is(lastErr, ErrNotFound) {
		return 0, err
	}
	var info jetstream.StreamInfo
	if err := l.w.api(ctx, "append "+id+" to "+l.name, "STREAM.INFO."+l.name, nil, &info); err != nil {
		return 0, err
	}
	return l.append(ctx, id, data, after, info.State.LastSeq)
}

// recall returns the number of a record of the last minutes by its id. The server looks at the expected predecessor before it looks for the
// id, so a repeat has to be asked for by a publish that can never be stored: only an id that is known passes its expectation.
func (l *log) recall(ctx context.Context, id string) (sequence uint64, known bool, err error) {
	m := &nats.Msg{Subject: recordSubject(l.name), Header: nats.Header{headerID: {id}, headerExpectID: {"ñ is in no id"}}}
	ack, err := l.w.publish(ctx, "look for "+id+" in "+l.name, l.name, m)
	var refused *refusal
	if errors.As(err, &refused) && refused.ErrCode == codeWrongLastID {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	return ack.Sequence - genesisOffset, true, nil
}

// append publishes a record; expect is the stream's last sequence number.
func (l *log) append(ctx context.Context, id string, data []byte, after, expect uint64) (uint64, error) {
	m := &nats.Msg{Subject: recordSubject(l.name), Data: data, Header: nats.Header{headerID: {id}}}
	what := "append " + id + " to " + l.name
	if after != AnySequence {
		m.Header[headerExpectLast] = []string{strconv.FormatUint(expect, 10)}
		what = fmt.Sprintf("%s after %d", what, after)
	}
	ack, err := l.w.publish(ctx, what, l.name, m)
	if err != nil {
		return 0, err
	}
	return ack.Sequence - genesisOffset, nil
}

// Read implements Log.
func (l *log) Read(ctx context.Context, from uint64, most int) ([]Record, error) {
	var out []Record
	if most < 1 {
		return nil, nil
	}
	what := fmt.Sprintf("read %s from %d", l.name, from)
	err := l.w.walk(ctx, what, l.name, recordSubject(l.name), max(from, 1)+genesisOffset, most, func(s stored) bool {
		out = append(out, recordOf(s))
		return len(out) < most
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Last implements Log.
func (l *log) Last(ctx context.Context) (Record, error) {
	got, err := l.w.last(ctx, "last record of "+l.name, l.name, recordSubject(l.name))
	if err != nil {
		return Record{}, err
	}
	return recordOf(got), nil
}

func recordOf(s stored) Record {
	return Record{Sequence: s.sequence - genesisOffset, ID: idOf(s.header), Data: s.data, At: s.at}
}
