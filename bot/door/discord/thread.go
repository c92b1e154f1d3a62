package discord

import (
	"context"
	"net/http"
	"strings"

	"github.com/shitops/opsbot/bot/door/outbox"
)

// threadName is what a thread of details is called, and threadFor how long it stays in view after its last message, in minutes.
const (
	threadName = "Details"
	threadFor  = 1440
)

// under returns where a card goes that belongs to another: into the thread of that card's message, which is made for the first one, or as an answer
// to it where there are no threads.
func (w wire) under(ctx context.Context, p outbox.Place, channel string) (where string, re *reference, err error) {
	root, bad := parseShown(p.Root)
	if bad != nil || root.via == viaPrivate {
		return channel, nil, nil
	}
	if strings.HasPrefix(p.Channel, "@") {
		return channel, &reference{Message: root.id}, nil
	}
	d := w.d
	d.mu.Lock()
	there := d.threads[root.id]
	d.mu.Unlock()
	if !there {
		err = w.call(ctx, http.MethodPost, "channels/"+root.channel+"/messages/"+root.id+"/threads", map[string]any{"name": threadName, "auto_archive_duration": threadFor}, nil)
	}
	switch {
	case err == nil, codeOf(err) == codeThreadExists:
		d.mu.Lock()
		if len(d.threads) > 4096 {
			clear(d.threads)
		}
		d.threads[root.id] = true
		d.mu.Unlock()
		return root.id, nil, nil // a thread has the id of the message that it began with
	case codeOf(err) == codeUnknownMessage:
		return channel, nil, nil
	case statusOf(err) == http.StatusForbidden, statusOf(err) == http.StatusBadRequest:
		return channel, &reference{Message: root.id}, nil
	default:
		return "", nil, err
	}
}
