package icinga_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/lab"
)

// TestAnnounceOnce loses the request, and then the answer, of a custom notification: each is sent once.
func TestAnnounceOnce(t *testing.T) {
	t.Parallel()
	sent := filepath.Join(t.TempDir(), "sent")
	i := lab.NewIcinga(t, lab.IcingaOptions{Config: fmt.Sprintf(`
object User "anna" { enable_notifications = true }
object NotificationCommand "note" { command = [ "sh", "-c", "echo \"$$TEXT\" >> %s" ]; env.TEXT = "$notification.comment$" }
for (n in [ "a", "b" ]) { object Host n { check_command = "passive" } }
apply Notification "n" to Host { command = "note"; users = [ "anna" ]; assign where true }
`, sent)})
	const path = "/v1/actions/send-custom-notification"
	for host, lost := range map[string]string{"a": "the answer", "b": "the request"} {
		w, c := before(t, i, func(w http.ResponseWriter, r *http.Request, n int, daemon http.Handler) {
			if r.URL.Path != path || n > 1 {
				daemon.ServeHTTP(w, r)
				return
			}
			if lost == "the answer" {
				daemon.ServeHTTP(httptest.NewRecorder(), r)
			}
			cutOff(w)
		})
		if err := c.Announce(t.Context(), host, "", icinga.Announcement{Author: "opsbot", Text: "flushed " + host, Force: true}); err != nil {
			t.Errorf("%s of an announcement is lost: %v", lost, err)
		}
		if got, want := w.count(path), map[string]int{"a": 1, "b": 2}[host]; got != want {
			t.Errorf("%s is lost: sent %d times, want %d", lost, got, want)
		}
	}
	deadline := time.After(10 * time.Second)
	for text := ""; !strings.Contains(text, "flushed a\n") || !strings.Contains(text, "flushed b\n"); {
		select {
		case <-deadline:
			t.Fatalf("told: %q", text)
		case <-time.After(20 * time.Millisecond): // the daemon runs the command by itself
		}
		data, _ := os.ReadFile(sent) // it may not be there yet
		if text = string(data); strings.Count(text, "\n") > 2 {
			t.Fatalf("told more than twice: %q", text)
		}
	}
	c := clientOf(t, i, i.User, i.Password)
	for what, err := range map[string]error{
		"no author": c.Announce(t.Context(), "a", "", icinga.Announcement{Text: "x"}),
		"no text":   c.Announce(t.Context(), "a", "", icinga.Announcement{Author: "x"}),
		"no name":   c.Announce(t.Context(), "", "", icinga.Announcement{Author: "x", Text: "x"}),
	} {
		if !errors.Is(err, icinga.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", what, err)
		}
	}
	if err := c.Announce(t.Context(), "nobody", "", icinga.Announcement{Author: "x", Text: "x"}); !errors.Is(err, icinga.ErrNotFound) {
		t.Errorf("Announce at what is not there = %v, want ErrNotFound", err)
	}
}

// TestRemarks reads who acknowledged.
func TestRemarks(t *testing.T) {
	t.Parallel()
	c, host := claim(t)
	report(t, c, host, hitRate, 2)
	if err := c.AddComment(t.Context(), host, hitRate, icinga.Comment{Author: "bert", Text: "seen", Marker: "m"}); err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Hour)
	if err := c.Acknowledge(t.Context(), host, hitRate, icinga.Ack{Author: "anna", Comment: "on it", Expiry: until}); err != nil {
		t.Fatal(err)
	}
	all, err := c.Remarks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var mine []icinga.Remark
	for _, r := range all {
		if r.Object() == host+"!"+hitRate {
			mine = append(mine, r)
		}
	}
	if len(mine) != 2 || mine[0].Author != "bert" || mine[0].Ack || mine[1].Author != "anna" || !mine[1].Ack || mine[1].Text != "on it" || mine[1].Expiry.Sub(until).Abs() > time.Second {
		t.Errorf("Remarks = %+v, want that of bert and then the acknowledgement of anna", mine)
	}
	lean, err := c.Objects(t.Context(), icinga.Query{Lean: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range lean {
		if o.Name() == host+"!"+hitRate && (!o.Acknowledged || o.State != icinga.Critical || o.LastCheck.IsZero() || o.Output != "" || o.AckExpiry.IsZero()) {
			t.Errorf("a lean object is %+v", o)
		}
	}
}

// TestLaterVersions reads answers as the changelogs of later versions announce them.
func TestLaterVersions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file string
		kind error // nil = yes
	}{
		{"01-403-permission-query", icinga.ErrForbidden}, {"02-403-permission-action", icinga.ErrForbidden}, {"03-403-events", icinga.ErrForbidden},
		{"04-403-filter-expression", icinga.ErrForbidden}, {"05-404-action-no-match", icinga.ErrNotFound}, {"06-503-create-while-reloading", icinga.ErrUnavailable},
		{"07-create-after-failed-create", nil}, {"08-attrs-none", nil},
	} {
		c := recorded(t, filepath.Join(captures, "later", tt.file+".json"))
		if _, _, err := icinga.Decode(c.Response.Status, c.raw()); !errors.Is(err, tt.kind) {
			t.Errorf("%s: %v, want %v", tt.file, err, tt.kind)
		}
	}
}
