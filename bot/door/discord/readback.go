package discord

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"github.com/shitops/opsbot/bot/reply/embed"
)

// doubts remembers which posts may have been made already by an attempt whose outcome nobody knows. Discord knows their nonces for some minutes;
// after a longer time only a look at the channel tells. It is safe for concurrent use.
type doubts struct {
	mu  sync.Mutex
	all map[string]bool // by nonce
}

func (d *doubts) add(nonce string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.all) > 4096 {
		clear(d.all)
	}
	d.all[nonce] = true
}

// take tells whether there is a doubt and ends it.
func (d *doubts) take(nonce string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := d.all[nonce]
	delete(d.all, nonce)
	return found
}

// lookBackAt is how many of the newest messages are looked at.
const lookBackAt = "50"

// standing is a message as a channel lists it.
type standing struct {
	ID      string `json:"id"`
	Author  author `json:"author"`
	Content string `json:"content"`
	Embeds  []struct {
		Title       string `json:"title"`
		Description string `json:"description"`
		Footer      struct {
			Text string `json:"text"`
		} `json:"footer"`
	} `json:"embeds"`
	Reference struct {
		Message string `json:"message_id"`
	} `json:"message_reference"`
}

// readBack looks for a message of ours that says the same among the newest of the channel. Where the channel may not be read there is none: the
// nonce alone has to hold then.
func (w wire) readBack(ctx context.Context, channel string, out outgoing) (id string, err error) {
	var all []standing
	err = w.call(ctx, http.MethodGet, "channels/"+channel+"/messages?limit="+lookBackAt, nil, &all)
	if statusOf(err) == http.StatusForbidden {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	self := w.d.selfID()
	for _, m := range all {
		if m.Author.ID == self && m.says(out.Message) && (out.Reference == nil || out.Reference.Message == m.Reference.Message) {
			return m.ID, nil
		}
	}
	return "", nil
}

// says compares what people read. Discord cuts blanks off the ends.
func (m *standing) says(want embed.Message) bool {
	if strings.TrimSpace(m.Content) != strings.TrimSpace(want.Content) || len(m.Embeds) != len(want.Embeds) {
		return false
	}
	for i, e := range want.Embeds {
		footer := ""
		if e.Footer != nil {
			footer = e.Footer.Text
		}
		have := m.Embeds[i]
		if strings.TrimSpace(have.Title) != strings.TrimSpace(e.Title) || strings.TrimSpace(have.Description) != strings.TrimSpace(e.Description) ||
			strings.TrimSpace(have.Footer.Text) != strings.TrimSpace(footer) {
			return false
		}
	}
	return true
}
