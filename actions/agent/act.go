package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
)

// The bounds of what is remembered of calls.
const (
	keptAnswers = 512
	keptBytes   = 1 << 20
	keptEpochs  = 2048
)

// calls remembers what came of calls, so that a repeat acts no more, and how far each run's owners have come.
type calls struct {
	disk disk

	mu     sync.Mutex
	open   map[string]bool // under way
	Epochs []epoch         `json:"epochs"` // oldest first
	Done   []Answer        `json:"done"`   // oldest first
}

type epoch struct {
	Run   string `json:"run"`
	Epoch uint64 `json:"epoch"`
}

func openCalls(d disk) (*calls, error) {
	c := &calls{disk: d, open: map[string]bool{}}
	data, err := d.read(callsFile)
	if err != nil || data == nil {
		return c, err
	}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("read %s: %w", d.path(callsFile), err)
	}
	return c, nil
}

// begin says whether a call is to be done. Else answer holds what came of it, or it is under way and answer is nil.
func (c *calls) begin(o Order) (do bool, answer *Answer, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o.Reads {
		do = !c.open[o.Key]
		c.open[o.Key] = true
		return do, nil, nil
	}
	known := false
	for i := range c.Epochs {
		e := &c.Epochs[i]
		if e.Run != o.Run {
			continue
		}
		if known = true; e.Epoch > o.Epoch {
			return false, &Answer{Key: o.Key, Epoch: o.Epoch, Fenced: true}, nil
		}
		e.Epoch = o.Epoch
	}
	if !known {
		c.Epochs = append(c.Epochs, epoch{o.Run, o.Epoch})
		c.Epochs = c.Epochs[max(0, len(c.Epochs)-keptEpochs):]
	}
	for _, d := range c.Done {
		if d.Key == o.Key {
			d.Again, d.Epoch = true, o.Epoch
			return false, &d, nil
		}
	}
	if c.open[o.Key] {
		return false, nil, nil
	}
	if err := c.save(); err != nil { // the fence stands before anything is done behind it
		return false, nil, err
	}
	c.open[o.Key] = true
	return true, nil, nil
}

// end remembers what came of a call.
func (c *calls) end(o Order, a Answer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, a.Key)
	if o.Reads {
		return nil
	}
	c.Done = append(c.Done, a)
	c.Done = c.Done[max(0, len(c.Done)-keptAnswers):]
	size := 0
	for _, d := range c.Done {
		size += len(d.Data)
	}
	for ; size > keptBytes; c.Done = c.Done[1:] {
		size -= len(c.Done[0].Data)
	}
	return c.save()
}

func (c *calls) save() error {
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("remember a call: %w", err)
	}
	return c.disk.write(callsFile, data)
}

// maxAnswer is the most bytes of what a handler says, within what an agent may send.
const maxAnswer = 44 << 10

// act does one call of node.do and answers it.
func (a *Agent) act(ctx context.Context, o Order) {
	do, known, err := a.calls.begin(o)
	switch {
	case err != nil:
		a.answer(Answer{Key: o.Key, Epoch: o.Epoch, Err: err.Error()})
		return
	case known != nil:
		a.answer(*known)
		return
	case !do:
		return // the answer comes when it is done
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(o.Within, time.Minute))
	defer cancel()
	answer := Answer{Key: o.Key, Epoch: o.Epoch}
	data, err := a.handle(ctx, o)
	switch {
	case err != nil:
		answer.Err = clip(err.Error())
	case len(data) > maxAnswer:
		answer.Err = fmt.Sprintf("%s says %d bytes, at most %d", o.Name, len(data), maxAnswer)
	default:
		answer.Data = data
	}
	if err := a.calls.end(o, answer); err != nil {
		a.o.Log.Error("call not remembered", "key", o.Key, "err", err)
	}
	a.answer(answer)
}

func (a *Agent) handle(ctx context.Context, o Order) (data []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("bug in the handler of %s: %v", o.Name, p)
		}
	}()
	if h, ok := a.o.Handlers[o.Name]; ok {
		return h(ctx, o)
	}
	switch o.Name {
	case HandlerPass:
		a.Wake()
		return json.Marshal(a.current())
	case HandlerReport:
		return json.Marshal(a.current())
	}
	return nil, fmt.Errorf("this agent knows no %.40q", strings.ToValidUTF8(o.Name, "?"))
}

// answer sends what came of a call, as soon as there is a connection.
func (a *Agent) answer(answer Answer) {
	a.mu.Lock()
	a.answers = append(a.answers, answer)
	a.answers = a.answers[max(0, len(a.answers)-keptAnswers):]
	a.mu.Unlock()
	a.report1()
}
