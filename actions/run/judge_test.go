package run

import (
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// delivered is a lease of which only the count of deliveries matters.
type delivered struct {
	store.Lease
	n int
}

func (d delivered) Deliveries() int { return d.n }

// TestJudge is the table of what a message means for a run.
func TestJudge(t *testing.T) {
	now := time.Now()
	const own, other = 7, 8
	first, again, hurried := delivered{n: 1}, delivered{n: 2}, store.Lease(nil)
	wish := &cancelWish{By: "ben"}
	undoNow, undoOld := &undoWish{Epoch: 3}, &undoWish{Epoch: 2}
	for _, test := range []struct {
		state    actions.State
		until    time.Duration
		sequence uint64
		lease    store.Lease
		undo     *undoWish
		wish     *cancelWish
		want     move
	}{
		{actions.Done, 0, own, first, nil, nil, leave},
		{actions.Done, 0, own, again, nil, wish, leave},
		{actions.Done, 0, other, first, undoNow, nil, undo},
		{actions.Done, 0, other, hurried, undoNow, nil, undo},
		{actions.Done, 0, other, first, undoOld, nil, leave},
		{actions.Failed, 0, other, first, undoNow, nil, undo},
		{actions.Cancelled, 0, other, first, undoNow, wish, undo},
		{actions.Undone, 0, other, first, undoNow, nil, leave},
		{actions.Waiting, time.Hour, own, again, nil, nil, rearm},
		{actions.Waiting, time.Hour, other, first, nil, nil, rearm},
		{actions.Waiting, 0, other, first, nil, nil, wake},
		{actions.Waiting, time.Hour, other, first, nil, wish, cancel},
		{actions.Waiting, time.Hour, other, hurried, nil, wish, cancel},
		{actions.Waiting, time.Hour, other, first, undoNow, nil, undo},
		{actions.Waiting, time.Hour, other, first, undoOld, nil, rearm},
		{actions.Running, 0, own, again, nil, nil, takeOver},
		{actions.Running, 0, own, again, nil, wish, takeOver},
		{actions.Running, 0, own, first, nil, nil, later},
		{actions.Running, 0, own, hurried, nil, nil, leave},
		{actions.Running, 0, other, again, nil, nil, leave},
		{actions.Running, 0, other, first, nil, wish, leave},
		{actions.Running, 0, other, first, undoNow, nil, leave},
		{actions.Undoing, 0, own, again, nil, nil, takeOver},
		{actions.Undoing, 0, other, again, undoOld, nil, leave},
	} {
		r := actions.Run{State: test.state, Epoch: 3, Ticket: own}
		if test.until != 0 {
			r.Until = now.Add(test.until)
		}
		got := judge(r, message{Run: "r-1", Undo: test.undo}, parcel{sequence: test.sequence, lease: test.lease}, test.wish, now)
		if got != test.want {
			t.Errorf("judge(%s until +%s, message %d, lease %v, undo %v, wish %v) = %s, want %s",
				test.state, test.until, test.sequence, test.lease, test.undo, test.wish, got, test.want)
		}
	}
}

// FuzzDecodeMessage: whatever lies in the queue is either understood or refused.
func FuzzDecodeMessage(f *testing.F) {
	f.Add(message{Run: "r-1", Undo: &undoWish{Epoch: 1, By: "ben"}}.encode())
	f.Add(message{Plan: &actions.Plan{Say: "x"}}.encode())
	f.Add([]byte(`{"schema":99,"run":"r-1"}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeMessage(data)
		if err == nil && (m.Schema > actions.RunSchema || m.Plan == nil && m.Run == "") {
			t.Errorf("decodeMessage(%q) = %+v, want an error", data, m)
		}
	})
}

// FuzzDecodeRun: a journal is either understood or refused, and its parts can be reckoned with whatever they claim.
func FuzzDecodeRun(f *testing.F) {
	f.Add([]byte(`{"schema":1,"id":"r-1","state":"running","plan":{"groups":[{"nodes":["a"],"steps":[{"kind":"x"}]},{"steps":[]}]},"outcomes":[{"step":0,"node":"a","state":"done"}]}`))
	f.Add([]byte(`{"schema":1,"outcomes":[{"step":-1,"state":"undone"},{"step":99,"state":"failed"}]}`))
	f.Add([]byte(`{"schema":1,"plan":{"groups":[{"steps":[{"kind":"x"}]}]},"outcomes":[{"step":-1,"state":"done"}]}`))
	f.Add([]byte(`{"schema":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRun(store.Entry{Key: "r-1", Value: data})
		if err != nil {
			return
		}
		e := &Engine{}
		e.trackOf(r)
		e.Describe(r, time.Now())
		Summary(r)
	})
}

func TestRunIDs(t *testing.T) {
	for key, want := range map[string]uint64{
		"r-17": 17, "r-0": 0, "r-017": 0, "r-": 0, "17": 0, "r-17.ctl": 0, "r-17.do.1.000001": 0, "R-17": 0, "r--1": 0, "": 0, "r-99999999999999999999": 0,
	} {
		if got := sequenceOf(key); got != want {
			t.Errorf("sequenceOf(%q) = %d, want %d", key, got, want)
		}
	}
}
