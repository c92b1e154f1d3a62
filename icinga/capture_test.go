package icinga_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/icinga"
)

const captures = "../fixtures/icinga2"

type capture struct {
	Response struct {
		Status int             `json:"status"`
		Body   json.RawMessage `json:"body"`
	} `json:"response"`
}

// raw returns the body as it came: recorded as JSON, or as a string where it was something else.
func (c capture) raw() []byte {
	var s string
	if json.Unmarshal(c.Response.Body, &s) == nil {
		return []byte(s)
	}
	return c.Response.Body
}

func recorded(t testing.TB, file string) capture {
	t.Helper()
	var c capture
	if err := json.Unmarshal(read(t, file), &c); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return c
}

// TestEveryCaptureDecodes reads all recorded answers: those that say yes give no error, the others one that names the reason.
func TestEveryCaptureDecodes(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(captures + "/*/*.json")
	if err != nil || len(files) < 80 {
		t.Fatalf("%d captures, %v; want at least 80", len(files), err)
	}
	for _, file := range files {
		if strings.Contains(file, "/notifications/") {
			continue
		}
		c := recorded(t, file)
		_, _, err := icinga.Decode(c.Response.Status, c.raw())
		text := string(c.Response.Body)
		bad := c.Response.Status >= 300 || strings.Contains(text, `"code": 500`) || strings.Contains(text, `"code": 4`)
		if bad != (err != nil) {
			t.Errorf("%s: status %d: error %v, want one %v", file, c.Response.Status, err, bad)
		}
		if err != nil && len(err.Error()) < 20 {
			t.Errorf("%s: error %q says nothing", file, err)
		}
	}
}

func TestRefusalsAreToldApart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file string
		kind error
		say  string
	}{
		{"errors/01-401-wrong-password", icinga.ErrUnauthorized, "check your user credentials"},
		{"errors/03-403-permission-action", icinga.ErrNotFound, "No objects found."},
		{"errors/05-404-host", icinga.ErrNotFound, "No objects found."},
		{"errors/09-404-unknown-action", icinga.ErrNotFound, "Action 'explode' does not exist."},
		{"errors/12-400-missing-params", icinga.ErrInvalid, "Acknowledgements require author and comment."},
		{"errors/13-no-accept-header", icinga.ErrInvalid, "Accept header is missing"},
		{"errors/20-pcr-host-exit-2", icinga.ErrInvalid, "Invalid 'exit_status' for Host mac-1."},
		{"actions/03-acknowledge-problem-again-409", icinga.ErrConflict, "is already acknowledged"},
		{"actions/06-acknowledge-ok-service-409", icinga.ErrConflict, "is OK"},
		{"actions/19-no-match-404", icinga.ErrNotFound, "No objects found."},
		{"actions/24-acknowledge-expiry-in-past", icinga.ErrConflict, ""},
		{"runtime/09-modify-not-allowed-attr", nil, "500: Attribute 'groups' could not be set"}, // answered 200
		{"runtime/02-create-host-duplicate", nil, "Object 'edge-2' already exists."},
	} {
		c := recorded(t, filepath.Join(captures, tt.file+".json"))
		_, _, err := icinga.Decode(c.Response.Status, c.raw())
		if err == nil || (tt.kind != nil && !errors.Is(err, tt.kind)) || !strings.Contains(err.Error(), tt.say) {
			t.Errorf("%s: %v, want %v that says %q", tt.file, err, tt.kind, tt.say)
		}
		if icinga.Temporary(err) {
			t.Errorf("%s: %v is temporary, want that it lasts", tt.file, err)
		}
	}
}

func TestRecordedObjects(t *testing.T) {
	t.Parallel()
	one := func(file string) icinga.Object {
		c := recorded(t, filepath.Join(captures, file))
		objects, _, err := icinga.Decode(c.Response.Status, c.raw())
		if err != nil || len(objects) == 0 {
			t.Fatalf("%s: %d objects, %v", file, len(objects), err)
		}
		return objects[0]
	}
	host := one("objects/01-host-one.json")
	if host.Name() != "edge-1" || host.State != icinga.Up || !host.Hard() || host.Output != "ok" || host.LastHardStateChange.Unix() != 1795334003 {
		t.Errorf("the recorded host is %+v", host)
	}
	if diff := cmp.Diff([]any{5001.0, 5002.0}, host.Vars["vni"]); diff != "" {
		t.Errorf("its variable vni (-want +got):\n%s", diff)
	}
	if pending := one("objects/02-service-one.json"); !pending.Pending() || pending.Name() != "edge-1!cache" || pending.Vars != nil {
		t.Errorf("the recorded pending service is %+v", pending)
	}
	if slow := one("objects/13-custom-checks.json"); slow.State != icinga.Unknown || !strings.HasPrefix(slow.Output, "<Timeout exceeded.>") {
		t.Errorf("the recorded timeout is %+v", slow)
	}
}

// environment makes of a recorded one, whose names were chosen by the recorder, the one that the kit sets.
func environment(t testing.TB, file string) func(string) string {
	t.Helper()
	var env map[string]string
	if err := json.Unmarshal(read(t, file), &env); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	prefix := "HOST"
	if env["SERVICENAME"] != "" {
		prefix = "SERVICE"
	}
	names := map[string]string{
		"ICINGA_TYPE": "NOTIFICATIONTYPE", "ICINGA_HOST": "HOSTNAME_", "ICINGA_SERVICE": "SERVICENAME", "ICINGA_STATE": prefix + "STATE",
		"ICINGA_STATE_TYPE": prefix + "STATETYPE", "ICINGA_NUMBER": "NOTIFICATIONNUMBER", "ICINGA_OUTPUT": prefix + "OUTPUT",
		"ICINGA_PERFDATA": prefix + "PERFDATA", "ICINGA_AUTHOR": "NOTIFICATIONAUTHORNAME", "ICINGA_COMMENT": "NOTIFICATIONCOMMENT",
		"ICINGA_USER": "USERNAME_", "ICINGA_LAST_STATE_CHANGE": prefix + "LASTSTATECHANGE", "ICINGA_AT": "TIMET",
	}
	return func(key string) string { return env[names[key]] }
}

func TestRecordedNotifications(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(captures + "/notifications/*.json")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d recorded notifications, %v; want 12", len(files), err)
	}
	seen := map[string]string{}
	for _, file := range files {
		n, err := icinga.NotificationFromEnv(environment(t, file))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		kind := strings.TrimSuffix(filepath.Base(file), ".json")
		what, typ, _ := strings.Cut(kind, "-")
		if !strings.EqualFold(string(n.Type), typ) || (what == "host") != (n.Service == "") {
			t.Errorf("%s: %s of %s", file, n.Type, n.Name())
		}
		body, err := n.Body()
		if err != nil {
			t.Fatal(err)
		}
		back, err := icinga.ParseNotification(body)
		if diff := cmp.Diff(n, back); err != nil || diff != "" {
			t.Errorf("%s: through its body: %v (-want +got):\n%s", file, err, diff)
		}
		id := n.Trigger(icinga.Problem{}).ID()
		if other := seen[id]; other != "" {
			t.Errorf("%s and %s have one trigger, %s", file, other, id)
		}
		seen[id] = file
	}
}
