package discord

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/bwmarrin/discordgo"
)

// Bounds of a signed request.
const (
	maxAge   = 5 * time.Minute // of its timestamp, either way
	maxBody  = maxEvent
	readTime = 2 * time.Second
)

// Routes implements door.Chat.
func (d *Door) Routes() map[string]http.Handler {
	if d.o.Mode != HTTP {
		return map[string]http.Handler{}
	}
	return map[string]http.Handler{"POST /discord/interactions": http.HandlerFunc(d.serveInteraction)}
}

// serveInteraction takes one signed interaction. Requests that are not Discord's are answered with 401, as it demands.
func (d *Door) serveInteraction(w http.ResponseWriter, r *http.Request) {
	ctx := d.enter()
	if ctx == nil {
		http.Error(w, "not running", http.StatusServiceUnavailable)
		return
	}
	defer func() { <-d.intake }()
	body, status := d.verified(w, r)
	if status != http.StatusOK {
		d.o.Count("forged")
		http.Error(w, http.StatusText(status), status)
		return
	}
	_, a, err := d.take(r.Context(), body)
	if err != nil {
		d.o.Count("foreign")
		d.o.Log.Warn("a signed request is no interaction for this bot", "err", err)
		http.Error(w, "not an interaction for this application", http.StatusBadRequest)
		return
	}
	answer, err := json.Marshal(a.response)
	if err != nil {
		d.o.Log.Error("an answer cannot be encoded", "err", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(answer)
	if err == nil {
		err = http.NewResponseController(w).Flush() // Discord knows the answer before the work begins
	}
	if err != nil {
		d.o.Log.Warn("an interaction is not acknowledged", "err", err)
	}
	d.o.Count("interaction")
	if a.work != nil {
		d.enqueue(ctx, *a.work)
	}
}

// enter takes a place among what is taken in, and returns the context of the door, nil where it does not run. A place that was taken is given back
// by the caller.
func (d *Door) enter() context.Context {
	d.intake <- struct{}{}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running == nil {
		<-d.intake
		return nil
	}
	return d.running
}

// verified reads the body of a request that Discord signed: Ed25519 over timestamp and body.
func (d *Door) verified(w http.ResponseWriter, r *http.Request) ([]byte, int) {
	stamp, err := strconv.ParseInt(r.Header.Get("X-Signature-Timestamp"), 10, 64)
	if err != nil || d.o.Now().Sub(time.Unix(stamp, 0)).Abs() > maxAge {
		return nil, http.StatusUnauthorized
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTime)) // a recorder in a test has none
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if !discordgo.VerifyInteraction(r, d.key) {
		return nil, http.StatusUnauthorized
	}
	body, err := io.ReadAll(r.Body) // what the library has read and put back
	if err != nil {
		return nil, http.StatusBadRequest
	}
	return body, http.StatusOK
}
