package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/intents"
)

const (
	// recall is how long "it" and "undo that" mean what was done last in a conversation.
	recall = 10 * time.Minute
	// whyMost is how many conversations "why?" can be asked in; the oldest is forgotten first.
	whyMost = 10_000
)

// conversation names what one person says in one place.
func conversation(m door.Message) string {
	sum := sha256.Sum256([]byte(m.As + "\x00" + m.Origin.Door + "\x00" + m.Origin.Channel + "\x00" + m.Origin.Thread))
	return hex.EncodeToString(sum[:12])
}

// contexts keeps in the store what each conversation was about last, so that it outlives a restart.
type contexts struct{ kv store.KV }

const contextPrefix = "context."

// get returns what was done last in the conversation, nil where it is too long ago.
func (c contexts) get(ctx context.Context, m door.Message) (*intents.Context, error) {
	entry, err := c.kv.Get(ctx, contextPrefix+conversation(m))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out intents.Context
	if err := json.Unmarshal(entry.Value, &out); err != nil {
		return nil, fmt.Errorf("read what %s was about: %w", entry.Key, err)
	}
	if m.At.Sub(out.At) > recall {
		return nil, nil
	}
	return &out, nil
}

// put keeps what was done. Of two at once one stays: both were said.
func (c contexts) put(ctx context.Context, m door.Message, is intents.Context) error {
	value, err := json.Marshal(is)
	if err != nil {
		return err
	}
	key := contextPrefix + conversation(m)
	if _, err = c.kv.CreateFor(ctx, key, value, recall); !errors.Is(err, store.ErrConflict) {
		return err
	}
	entry, err := c.kv.Get(ctx, key)
	if err != nil {
		return err
	}
	if _, err = c.kv.UpdateFor(ctx, key, value, entry.Revision, recall); errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}

// keepContext notes what was accepted, so that the next line can mean it. That it cannot be noted keeps nobody from anything.
func (t *talk) keepContext(ctx context.Context, requests []actions.Request, run string) {
	if t.actor.Kind != actions.Person {
		return
	}
	is := intents.Context{Run: run, At: t.message.At}
	for _, r := range requests {
		is.Last = append(is.Last, intentOf(r))
	}
	if err := t.contexts.put(ctx, t.message, is); err != nil && ctx.Err() == nil {
		t.log.Warn("what was done is not kept for the next line", "err", err)
	}
}

// intentOf is the way back from a request to what the language made of it.
func intentOf(r actions.Request) intents.Intent {
	out := intents.Intent{Name: r.Intent, Options: r.Options}
	for name, values := range r.Slots {
		out.Slots = append(out.Slots, intents.Slot{Name: name, Values: values})
	}
	slices.SortFunc(out.Slots, func(a, b intents.Slot) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// memory knows the last line of each conversation and what became of it, for whoever asks why. It is safe for concurrent use.
type memory struct {
	mu    sync.Mutex
	lines map[string]*line
	order []string // of lines, oldest first
}

// line is something that was said, and how it was taken.
type line struct {
	said    intents.Utterance
	parser  *intents.Parser
	verdict []string // what was decided about it behind the language
}

// note keeps a line in place of the one before it.
func (m *memory) note(key string, l *line) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lines == nil {
		m.lines = map[string]*line{}
	}
	if _, known := m.lines[key]; !known {
		m.order = append(m.order, key)
	}
	m.lines[key] = l
	if len(m.order) > whyMost {
		delete(m.lines, m.order[0])
		m.order = m.order[1:]
	}
}

// add tells more of a line.
func (m *memory) add(key, verdict string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.lines[key]; l != nil && len(l.verdict) < 20 {
		l.verdict = append(l.verdict, verdict)
	}
}

func (m *memory) of(key string) (line, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lines[key]
	if l == nil {
		return line{}, false
	}
	return line{l.said, l.parser, slices.Clone(l.verdict)}, true
}

// asksWhy tells whether a line asks for the reasons of what became of the line before it.
func asksWhy(text string) bool {
	switch strings.ToLower(strings.TrimRight(strings.TrimSpace(text), "?!. ")) {
	case "why", "why not", "why so", "why that", "but why", "how come", "explain yourself":
		return true
	}
	return false
}

// why tells layer by layer how the line before was read, and what was decided about it.
func (t *talk) why(said line) door.Exit {
	t.decision = "why"
	u := said.said
	u.Explain = true
	p := said.parser.Parse(u)
	card := reply.Card{Kind: reply.Answer, Title: fmt.Sprintf("%q: %s, since: %s", u.Text, p.Decision, p.Because), Lines: p.Trace, Private: true}
	for _, v := range said.verdict {
		card.Lines = append(card.Lines, "then: "+v)
	}
	t.send(card)
	return door.OK
}
