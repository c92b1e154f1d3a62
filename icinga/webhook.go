package icinga

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// ParseWebhook reads the body that the webhook channel of Icinga Notifications v0.2 posts. Answer it exactly 200: it takes 204 for a failure.
//
// Its severity becomes a state: ok OK, warning WARNING, err UNKNOWN, crit and worse CRITICAL; a host that is not ok is DOWN. Below warning, and
// without an incident, it is news (TypeCustom), not a problem. It tells neither numbers nor the time of the hard state; the time of the event
// stands in, until the object has been read from Icinga2. Unknown keys are ignored, the format is not ours. The error holds ErrInvalid.
func ParseWebhook(data []byte) (Notification, error) {
	if len(data) > MaxBody {
		return Notification{}, fmt.Errorf("icinga notifications webhook: %w: %d bytes, at most %d are taken", ErrInvalid, len(data), MaxBody)
	}
	var w struct {
		Contact struct {
			FullName string `json:"full_name"`
		} `json:"contact"`
		Object struct {
			Name string            `json:"name"`
			Tags map[string]string `json:"tags"`
		} `json:"object"`
		Incident *struct {
			ID       json.RawMessage `json:"id"`
			URL      string          `json:"url"`
			Severity string          `json:"severity"`
		} `json:"incident"`
		Event struct {
			Time    time.Time `json:"time"`
			Message string    `json:"message"`
		} `json:"event"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return Notification{}, fmt.Errorf("icinga notifications webhook: %w: %w", ErrInvalid, err)
	}
	n := Notification{
		Type: TypeCustom, Host: w.Object.Tags["host"], Service: w.Object.Tags["service"], Output: cut(w.Event.Message, maxText),
		User: cut(w.Contact.FullName, maxPerson), ExecutionEnd: w.Event.Time.UTC().Truncate(time.Second), At: w.Event.Time.UTC().Truncate(time.Second),
	}
	if w.Incident != nil {
		var err error
		if n.Incident, err = incidentID(w.Incident.ID, w.Incident.URL); err != nil {
			return Notification{}, fmt.Errorf("icinga notifications webhook: %w: %w", ErrInvalid, err)
		}
		if n.Type, n.State, err = severity(w.Incident.Severity, n.Service == ""); err != nil {
			return Notification{}, fmt.Errorf("icinga notifications webhook: %w: %w", ErrInvalid, err)
		}
		n.StateType = Hard // incidents are opened by hard states alone
	}
	if err := n.Check(); err != nil {
		return Notification{}, err
	}
	return n, nil
}

// severity translates the levels of Icinga Notifications.
func severity(level string, host bool) (NotificationType, State, error) {
	t, s := TypeProblem, Critical
	switch level {
	case "ok":
		t, s = TypeRecovery, OK
	case "debug", "info", "notice":
		t, s = TypeCustom, OK
	case "warning":
		s = Warning
	case "err":
		s = Unknown
	case "crit", "alert", "emerg":
	default:
		return "", "", fmt.Errorf("severity %q is unknown", clip(level))
	}
	switch {
	case host && s.Good():
		s = Up
	case host:
		s = Down
	}
	return t, s, nil
}

// incidentID takes a number, a string, or the id in the incident's address.
func incidentID(raw json.RawMessage, address string) (string, error) {
	var s string
	if json.Unmarshal(raw, &s) == nil && s != "" {
		return s, nil
	}
	var n int64
	if json.Unmarshal(raw, &n) == nil && n != 0 {
		return strconv.FormatInt(n, 10), nil
	}
	if u, err := url.Parse(address); err == nil && u.Query().Get("id") != "" {
		return u.Query().Get("id"), nil
	}
	return "", fmt.Errorf("incident has no id")
}
