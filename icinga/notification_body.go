package icinga

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
)

// bodyVersion is the version of our own body. What has another one is refused: half-understood alerts are worse than late ones.
const bodyVersion = 1

// body is our own JSON body, flat, with times as Unix seconds. Every key is optional to read and checked afterwards.
type body struct {
	Version    int    `json:"version"`
	Type       string `json:"type"`
	Host       string `json:"host"`
	Service    string `json:"service,omitempty"`
	State      string `json:"state"`
	StateType  string `json:"state_type"`
	Number     int    `json:"number"`
	Output     string `json:"output,omitempty"`
	Perfdata   string `json:"perfdata,omitempty"`
	Author     string `json:"author,omitempty"`
	Comment    string `json:"comment,omitempty"`
	User       string `json:"user,omitempty"`
	Incident   string `json:"incident,omitempty"`
	End        int64  `json:"execution_end,omitempty"`
	Change     int64  `json:"last_state_change,omitempty"`
	HardChange int64  `json:"last_hard_state_change,omitempty"`
	LastGood   int64  `json:"last_good,omitempty"`
	At         int64  `json:"at,omitempty"`
}

// Body returns the notification as ParseNotification reads it, without Sender, which only a proof can tell.
func (n Notification) Body() ([]byte, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	return encode(body{
		Version: bodyVersion, Type: string(n.Type), Host: n.Host, Service: n.Service, State: string(n.State), StateType: string(n.StateType),
		Number: n.Number, Output: n.Output, Perfdata: n.Perfdata, Author: n.Author, Comment: n.Comment, User: n.User, Incident: n.Incident,
		End: epoch(n.ExecutionEnd), Change: epoch(n.LastStateChange), HardChange: epoch(n.LastHardStateChange), LastGood: epoch(n.LastGood), At: epoch(n.At),
	})
}

// ParseNotification reads the body that Notification.Body made. It is strict: an object with known keys in the case they are written in, each
// once, nothing behind it, at most MaxBody bytes. The error holds ErrInvalid and says what is wrong.
func ParseNotification(data []byte) (Notification, error) {
	var b body
	if err := decodeFlat(data, &b); err != nil {
		return Notification{}, fmt.Errorf("icinga notification: %w: %w", ErrInvalid, err)
	}
	if b.Version != bodyVersion {
		return Notification{}, fmt.Errorf("icinga notification: %w: version %d, only %d is known: run the same release on both ends", ErrInvalid, b.Version, bodyVersion)
	}
	n := Notification{
		Type: NotificationType(b.Type), Host: b.Host, Service: b.Service, State: State(b.State), StateType: StateType(b.StateType),
		Number: b.Number, Output: b.Output, Perfdata: b.Perfdata, Author: b.Author, Comment: b.Comment, User: b.User, Incident: b.Incident,
	}
	for _, t := range []struct {
		what string
		sec  int64
		to   *time.Time
	}{
		{"execution_end", b.End, &n.ExecutionEnd}, {"last_state_change", b.Change, &n.LastStateChange},
		{"last_hard_state_change", b.HardChange, &n.LastHardStateChange}, {"last_good", b.LastGood, &n.LastGood}, {"at", b.At, &n.At},
	} {
		if t.sec < 0 || t.sec > maxEpoch {
			return Notification{}, fmt.Errorf("icinga notification: %w: %s %d is no Unix time in seconds", ErrInvalid, t.what, t.sec)
		}
		*t.to = whole(t.sec)
	}
	if err := n.Check(); err != nil {
		return Notification{}, err
	}
	return n, nil
}

// maxEpoch is the end of the year 9999: what is later is in milliseconds, or nonsense.
const maxEpoch = 253402300799

func epoch(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func whole(sec int64) time.Time {
	if sec == 0 {
		return time.Time{}
	}
	return time.Unix(sec, 0).UTC()
}

// decodeFlat reads a JSON object of scalars into the fields of a struct by their exact keys. encoding/json alone would take "HOST" for "host"
// and the last of two hosts, so that what one program checks is not what the next one uses.
func decodeFlat(data []byte, into *body) error {
	if len(data) > MaxBody {
		return fmt.Errorf("%d bytes, at most %d are taken", len(data), MaxBody)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("want a JSON object: %w", or(err, errors.New("it is something else")))
	}
	fields := flatFields(into)
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		key, _ := t.(string) // inside an object every second token is a string
		field, ok := fields[key]
		if !ok {
			return fmt.Errorf("key %q is unknown, or given twice", clip(key))
		}
		delete(fields, key)
		if err := dec.Decode(field); err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("the object has no end: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows the object")
	}
	return nil
}

func or(err, fallback error) error {
	if err != nil {
		return err
	}
	return fallback
}

// flatFields returns pointers to the fields of b by their keys.
func flatFields(b *body) map[string]any {
	v := reflect.ValueOf(b).Elem()
	fields := make(map[string]any, v.NumField())
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if key != "" {
			fields[key] = v.Field(i).Addr().Interface()
		}
	}
	return fields
}
