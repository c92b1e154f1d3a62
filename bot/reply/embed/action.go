package embed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Verb is what pressing a component does.
type Verb byte

// The verbs.
const (
	Press  Verb = 'b' // a button: its text is said, bound to its token
	Choose Verb = 'c' // a select: the chosen value is the text
	Open   Verb = 'm' // a button that opens a text field
	Submit Verb = 't' // the text field: what was typed is the text
	Kept   Verb = 'k' // too long for a custom id: the door kept it under Key
)

// Action is what a custom id stands for.
type Action struct {
	Verb  Verb   `json:"verb"`
	Token string `json:"token,omitempty"` // of the question
	Text  string `json:"text,omitempty"`  // what is said, of Press alone
	Key   string `json:"-"`               // of Kept alone
}

// ErrForeign says that a custom id is none of ours.
var ErrForeign = errors.New("custom id is not one of this bot's")

// id returns the custom id of a: verb, place in the message (two ids of one message must differ), length of the token, token, text. Where that
// is longer than a custom id may be, it is kept.
func (a Action) id(place int, keep map[string]Action) string {
	if id := a.long(place); length(id) <= maxCustomID {
		return id
	}
	return a.kept(place, keep)
}

func (a Action) long(place int) string {
	return fmt.Sprintf("%c%d.%d.%s%s", a.Verb, place, len(a.Token), a.Token, a.Text)
}

// kept puts a into keep, under a key that the custom id names.
func (a Action) kept(place int, keep map[string]Action) string {
	sum := sha256.Sum256([]byte(a.long(place)))
	key := hex.EncodeToString(sum[:16])
	keep[key] = a
	return fmt.Sprintf("%c%d.0.%s", Kept, place, key)
}

// ParseAction reads a custom id. It returns ErrForeign for what Render and Modal did not make.
func ParseAction(id string) (Action, error) {
	bad := fmt.Errorf("custom id %.120q: %w", id, ErrForeign)
	if len(id) > 4*maxCustomID || id == "" {
		return Action{}, bad
	}
	place, rest, ok := strings.Cut(id[1:], ".")
	size, rest, ok2 := strings.Cut(rest, ".")
	n, err := strconv.Atoi(size)
	if _, err2 := strconv.Atoi(place); !ok || !ok2 || err != nil || err2 != nil || n < 0 || n > len(rest) {
		return Action{}, bad
	}
	a := Action{Verb: Verb(id[0]), Token: rest[:n], Text: rest[n:]}
	switch a.Verb {
	case Kept:
		return Action{Verb: Kept, Key: a.Text}, nil
	case Press:
		return a, nil
	case Choose, Open, Submit:
		if a.Text != "" {
			return Action{}, bad
		}
		return a, nil
	default:
		return Action{}, bad
	}
}
