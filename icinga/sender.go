package icinga

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/shitops/opsbot/icinga/spool"
	"github.com/shitops/opsbot/internal/secret"
)

// Sender posts notifications to the bot, signed. Its Send is what spool.Spool.Drain calls. All fields but Client and Now are required.
type Sender struct {
	URL    string                        // of /icinga/notifications
	ID     string                        // of the key
	Key    func() (secret.Secret, error) // asked for at each post
	Client *http.Client                  // nil = one that gives up after 10 s
	Now    func() time.Time              // nil = time.Now
}

// Send posts one body and returns nil when the bot has stored it, which it says by 200 and nothing else. The error holds spool.ErrRefused when the
// body itself is at fault (400, 413, 415, 422), so that no repetition helps; whatever else is wrong may be mended, and the body waits.
func (s Sender) Send(ctx context.Context, body []byte) error {
	key, err := s.Key()
	if err != nil {
		return fmt.Errorf("post notification: %w", err)
	}
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	header, err := Sign(key, s.ID, now(), body)
	if err != nil {
		return fmt.Errorf("post notification: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("post notification: %w", err)
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	client := s.Client
	if client == nil {
		// A redirect would be a GET, which stores nothing.
		client = &http.Client{Timeout: defaultTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("post notification: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // the status is what counts
	if resp.StatusCode == http.StatusOK {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // so that the connection serves the next one
		return nil
	}
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // what was read of it helps, an error does not
	err = fmt.Errorf("post notification to %s: %s: %s", s.URL, resp.Status, oneLine(string(said)))
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: %w", spool.ErrRefused, err)
	default:
		return err
	}
}
