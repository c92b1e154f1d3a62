package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	stored "github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/icinga"
)

// bodyTime is how long a sender may take to send a body.
const bodyTime = 10 * time.Second

// verdict is the body of every answer.
type verdict struct {
	Stored   bool   `json:"stored"`
	Repeated bool   `json:"repeated,omitempty"` // the same signed request was stored before
	ID       string `json:"id,omitempty"`       // of the trigger, as far as the notification alone tells
	Error    string `json:"error,omitempty"`
	Hint     string `json:"hint,omitempty"`
}

// problem is a refusal with its status.
type problem struct {
	status     int
	what, hint string
}

// ServeHTTP takes one notification. It answers 200 once it is durable, and otherwise says in JSON what is wrong and what to do.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, bad := d.serve(w, r)
	status := http.StatusOK
	if bad != nil {
		status = bad.status
		answer = verdict{Error: bad.what, Hint: bad.hint}
		d.opt.Count(fmt.Sprintf("post-%d", status))
		d.opt.Logger.Warn("notification refused", "status", status, "why", bad.what, "from", r.RemoteAddr)
	} else {
		d.opt.Count("post-200")
	}
	w.Header().Set("Content-Type", "application/json")
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // whoever asked is gone, or has it
}

func (d *Door) serve(w http.ResponseWriter, r *http.Request) (verdict, *problem) {
	if r.Method != http.MethodPost {
		return verdict{}, &problem{http.StatusMethodNotAllowed, "method " + r.Method + ": notifications are posted", "use POST"}
	}
	body, bad := d.body(w, r)
	if bad != nil {
		return verdict{}, bad
	}
	now := d.opt.Now()
	sender, proof, err := d.verify(r.Header, body, now)
	if err != nil {
		return verdict{}, unproved(err)
	}
	n, err := parse(proof, body)
	if err != nil {
		return verdict{}, &problem{http.StatusUnprocessableEntity, err.Error(), "opsbot notify sends what is understood; run the same release on both ends"}
	}
	n.Sender = sender
	s := stored.NewStored(n, d.opt.Node(r.Context(), n.Host), now)
	if d.seen.has(proof.Digest, now) {
		return verdict{Stored: true, Repeated: true, ID: s.ID}, nil
	}
	if err := d.writer.add(r.Context(), s); err != nil {
		return verdict{}, unstored(err)
	}
	d.seen.add(proof.Digest, now)
	return verdict{Stored: true, ID: s.ID}, nil
}

// body reads the whole body, within its limits.
func (d *Door) body(w http.ResponseWriter, r *http.Request) ([]byte, *problem) {
	if t := r.Header.Get("Content-Type"); t != "" {
		if media, _, err := mime.ParseMediaType(t); err != nil || media != "application/json" {
			return nil, &problem{http.StatusUnsupportedMediaType, fmt.Sprintf("content type %.80q", t), "send application/json"}
		}
	}
	tooLarge := &problem{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", icinga.MaxBody), "shorten the output of the check"}
	if r.ContentLength > icinga.MaxBody {
		w.Header().Set("Connection", "close") // the rest is not read
		return nil, tooLarge
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // a test's recorder has none
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, icinga.MaxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, tooLarge
	}
	if err != nil {
		return nil, &problem{http.StatusRequestTimeout, "the body did not come: " + err.Error(), "send it again"}
	}
	return body, nil
}

// verify finds the sender whose proof it is. Of several refusals the one of who knows the key counts.
func (d *Door) verify(h http.Header, body []byte, now time.Time) (string, icinga.Proof, error) {
	worst := error(icinga.ErrUnknownKey)
	senders := *d.senders.Load()
	if len(senders) == 0 {
		return "", icinga.Proof{}, fmt.Errorf("%w: no sender is configured", icinga.ErrUnknownKey)
	}
	for i, s := range senders {
		proof, err := s.Verifier.Verify(h, body, now)
		if err == nil {
			return s.Name, proof, nil
		}
		if i == 0 || proofRank(err) >= proofRank(worst) {
			worst = err
		}
	}
	return "", icinga.Proof{}, worst
}

// proofRank orders refusals by how much they know of the sender.
func proofRank(err error) int {
	for rank, kind := range []error{icinga.ErrUnsigned, icinga.ErrUnknownKey, icinga.ErrWrongProof, icinga.ErrStale} {
		if errors.Is(err, kind) {
			return rank
		}
	}
	return -1
}

func unproved(err error) *problem {
	switch {
	case errors.Is(err, icinga.ErrUnsigned):
		return &problem{http.StatusUnauthorized, err.Error(), "send it by opsbot notify with a key of icinga.notifications, or with a bearer token"}
	case errors.Is(err, icinga.ErrUnknownKey):
		return &problem{http.StatusUnauthorized, err.Error(), "add the key under icinga.notifications in the configuration, then reload"}
	case errors.Is(err, icinga.ErrStale):
		return &problem{http.StatusForbidden, err.Error(), "compare the clocks of both ends; what lay in a spool is signed when it is sent"}
	}
	return &problem{http.StatusForbidden, err.Error(), "compare the secrets of both ends"}
}

func unstored(err error) *problem {
	hint := "send it again; opsbot notify does that by itself"
	if errors.Is(err, errBusy) {
		return &problem{http.StatusServiceUnavailable, err.Error(), hint}
	}
	if errors.Is(err, store.ErrTooLarge) {
		return &problem{http.StatusRequestEntityTooLarge, err.Error(), "shorten the output of the check"}
	}
	return &problem{http.StatusServiceUnavailable, "not stored: " + err.Error(), hint}
}

// parse reads either body: our own, which signed requests always bear, or that of Icinga Notifications.
func parse(p icinga.Proof, body []byte) (icinga.Notification, error) {
	var own struct {
		Version *json.RawMessage `json:"version"`
	}
	if p.Key == "" && json.Unmarshal(body, &own) == nil && own.Version == nil {
		return icinga.ParseWebhook(body)
	}
	return icinga.ParseNotification(body)
}
