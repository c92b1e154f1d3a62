package slack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/slack-go/slack"

	"github.com/shitops/opsbot/bot/door/outbox"
)

// api makes clients of Slack's Web API, one per token, so that a token can be renewed while the bot runs.
type api struct {
	o    Options
	http *http.Client

	mu     sync.Mutex
	token  string
	client *slack.Client
	bot    string // the id of the bot's own user
}

// get returns the client for the token of now.
func (a *api) get() (*slack.Client, error) {
	s, err := a.o.BotToken()
	if err != nil {
		return nil, fmt.Errorf("read the bot's token: %w (%w)", err, outbox.ErrNotSent)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if token := s.Line(); a.client == nil || token != a.token {
		a.token = token
		a.client = slack.New(token, slack.OptionAPIURL(a.o.APIURL), slack.OptionHTTPClient(a.http), slack.OptionLog(quiet{}))
	}
	return a.client, nil
}

// who asks Slack who we are.
func (a *api) who(ctx context.Context) error {
	c, err := a.get()
	if err != nil {
		return err
	}
	r, err := c.AuthTestContext(ctx)
	if err != nil {
		return outcome(err, "auth.test")
	}
	if r.TeamID != a.o.Workspace {
		return fmt.Errorf("the bot's token is for the workspace %s (%s), not for %s", r.TeamID, r.Team, a.o.Workspace)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bot = r.UserID
	return nil
}

// self returns the id of the bot's own user, "" while it is not known.
func (a *api) self() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bot
}

// quiet takes the library's log, which tells nothing that its events do not tell.
type quiet struct{}

// Output implements the library's logger.
func (quiet) Output(int, string) error { return nil }

// outcome turns an error of the library into one that the outbox understands.
func outcome(err error, method string) error {
	if err == nil {
		return nil
	}
	var slow *slack.RateLimitedError
	var said slack.SlackErrorResponse
	var status slack.StatusCodeError
	switch {
	case errors.As(err, &slow):
		return fmt.Errorf("%s: %w", method, outbox.RetryAfter{D: slow.RetryAfter, Everywhere: method != "chat.postMessage"})
	case errors.As(err, &said):
		why := said.Err
		if len(said.ResponseMetadata.Messages) > 0 {
			why = fmt.Sprintf("%s %v", why, said.ResponseMetadata.Messages)
		}
		return fmt.Errorf("%s: %s: %w", method, why, meaning(said.Err))
	case errors.As(err, &status) && status.Code == http.StatusTooManyRequests:
		return fmt.Errorf("%s: %w", method, outbox.RetryAfter{D: defaultPause})
	case unsent(err):
		return fmt.Errorf("%s: %w (%w)", method, err, outbox.ErrNotSent)
	}
	return fmt.Errorf("%s: %w", method, err)
}

// defaultPause is how long to wait when Slack does not say it.
const defaultPause = 30 * time.Second

// meaning sorts Slack's error codes. https://docs.slack.dev/reference/methods/chat.postMessage#errors
func meaning(code string) error {
	switch code {
	case "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "no_permission", "missing_scope", "not_allowed_token_type",
		"org_login_required", "ekm_access_denied", "access_denied":
		return outbox.ErrAuth
	case "channel_not_found", "not_in_channel", "is_archived", "user_not_found", "user_not_in_channel", "cannot_dm_bot", "user_disabled", "restricted_action",
		"restricted_action_read_only_channel", "messages_tab_disabled", "method_not_supported_for_channel_type":
		return outbox.ErrGone
	case "message_not_found", "cant_update_message", "edit_window_closed":
		return outbox.ErrMessageGone
	case "invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text", "invalid_arguments", "metadata_too_large":
		return outbox.ErrRefused
	case "ratelimited", "rate_limited":
		return outbox.RetryAfter{D: defaultPause}
	case "fatal_error", "internal_error", "request_timeout":
		return outbox.ErrUnknown
	default:
		return outbox.ErrNotSent
	}
}

// unsent tells whether the request never left.
func unsent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns) || errors.Is(err, syscall.ECONNREFUSED)
}

// code returns Slack's error code, "" where there is none.
func code(err error) string {
	var said slack.SlackErrorResponse
	if errors.As(err, &said) {
		return said.Err
	}
	return ""
}
