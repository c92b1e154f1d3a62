package ops

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Vote is one room's say in whether the program is ready. Ready returns nil, or what is wrong and what heals it; it should answer from
// memory.
type Vote struct {
	Name  string
	Ready func() error
}

// patience is how long a vote is waited for. A probe of an orchestrator gives up after a second or so; ours still names who hangs.
const patience = 800 * time.Millisecond

// Board collects the votes. It is safe for concurrent use.
type Board struct {
	mu    sync.Mutex
	votes []*voter
	facts func() []Fact
}

// voter is a vote and, while it is being asked, the channel that its answer closes: a vote that hangs is not asked again.
type voter struct {
	Vote
	asking chan struct{}
	last   error
}

// NewBoard returns a board with the given votes.
func NewBoard(votes ...Vote) *Board {
	b := &Board{}
	b.Add(votes...)
	return b
}

// Add adds votes; their order is kept.
func (b *Board) Add(votes ...Vote) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range votes {
		b.votes = append(b.votes, &voter{Vote: v})
	}
}

// Tell sets who tells the facts. It must answer from memory.
func (b *Board) Tell(facts func() []Fact) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.facts = facts
}

// Report is what the votes said at one moment.
type Report struct {
	Ready   bool      `json:"ready"`
	Verdict []Verdict `json:"votes"`
	Facts   []Fact    `json:"facts,omitempty"`
}

// Fact is one number about the program, for those who judge it from outside.
type Fact struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"` // s for seconds; empty for a count
}

// Verdict is one vote.
type Verdict struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Why  string `json:"why,omitempty"` // what is wrong
}

// Ask asks every vote at once and returns after the slowest, at the latest after 800 ms: who has not answered by then votes no. A board
// without votes is ready.
func (b *Board) Ask(ctx context.Context) Report {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	b.mu.Lock()
	voters := b.votes[:len(b.votes):len(b.votes)]
	asked := make([]<-chan struct{}, len(voters))
	for i, v := range voters {
		asked[i] = b.ask(v)
	}
	facts := b.facts
	b.mu.Unlock()
	r := Report{Ready: true, Verdict: make([]Verdict, len(voters))}
	if facts != nil {
		r.Facts = facts()
	}
	for i, v := range voters {
		r.Verdict[i] = Verdict{Name: v.Name, OK: true}
		if err := b.answer(ctx, v, asked[i]); err != nil {
			r.Verdict[i].OK, r.Verdict[i].Why = false, err.Error()
			r.Ready = false
		}
	}
	return r
}

// ask starts a question, unless the last one is still open. The board is locked.
func (b *Board) ask(v *voter) <-chan struct{} {
	if v.asking == nil {
		done := make(chan struct{})
		v.asking = done
		go func() {
			err := call(v.Ready)
			b.mu.Lock()
			v.last, v.asking = err, nil
			b.mu.Unlock()
			close(done)
		}()
	}
	return v.asking
}

func (b *Board) answer(ctx context.Context, v *voter, asked <-chan struct{}) error {
	select {
	case <-asked:
	case <-ctx.Done():
		select {
		case <-asked: // it answered while another one was waited for
		default:
			return fmt.Errorf("no answer within %s", patience)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return v.last
}

// call turns a bug in a vote into a no: the health of the program must stay readable.
func call(ready func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the vote itself broke: %v", p)
		}
	}()
	return ready()
}

// String returns one line a vote, as /readyz?verbose shows it.
func (r Report) String() string {
	var b strings.Builder
	for _, v := range r.Verdict {
		if v.OK {
			fmt.Fprintf(&b, "[+] %s: ok\n", v.Name)
		} else {
			fmt.Fprintf(&b, "[-] %s: %s\n", v.Name, v.Why)
		}
	}
	if r.Ready {
		b.WriteString("ready\n")
	} else {
		b.WriteString("not ready\n")
	}
	return b.String()
}
