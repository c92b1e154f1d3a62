package icinga_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/icinga/spool"
	"github.com/shitops/opsbot/internal/lab"
	"github.com/shitops/opsbot/internal/secret"
)

// asNotify is the variable that makes the test binary the program that Icinga2 calls for a notification: the receiver's address.
const asNotify = "OPSBOT_TEST_NOTIFY"

// notify is a whole `opsbot notify`: keep, then send what is kept.
func notify(address, dir string) error {
	n, err := icinga.NotificationFromEnv(os.Getenv)
	if err != nil {
		return err
	}
	body, err := n.Body()
	if err != nil {
		return err
	}
	s, err := spool.Open(dir, spool.Options{})
	if err != nil {
		return err
	}
	if err := s.Append(context.Background(), body); err != nil {
		return err
	}
	sender := icinga.Sender{URL: address, ID: "k1", Key: func() (secret.Secret, error) { return key(oldSecret), nil }}
	_, err = s.Drain(context.Background(), sender.Send)
	return err
}

func TestSendTellsAnswersApart(t *testing.T) {
	t.Parallel()
	for status, refused := range map[int]bool{
		200: false, 202: false, 204: false, 302: false, 400: true, 401: false, 403: false, 404: false, 405: false, 413: true, 415: true, 422: true,
		429: false, 500: false, 503: false,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			if status != 204 {
				_, _ = io.WriteString(w, "because\nof this")
			}
		}))
		sender := icinga.Sender{URL: server.URL, ID: "k1", Key: func() (secret.Secret, error) { return key(oldSecret), nil }}
		err := sender.Send(t.Context(), []byte("{}"))
		if (status == 200) != (err == nil) || errors.Is(err, spool.ErrRefused) != refused {
			t.Errorf("%d: Send = %v, want an error that is final %v", status, err, refused)
		}
		if status > 302 {
			wantError(t, "Send", err, fmt.Sprint(status), "because of this")
		}
		server.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	}
	for name, sender := range map[string]icinga.Sender{
		"no key":       {URL: "http://127.0.0.1:1", ID: "k1", Key: func() (secret.Secret, error) { return secret.Secret{}, errors.New("no file") }},
		"a weak key":   {URL: "http://127.0.0.1:1", ID: "k1", Key: func() (secret.Secret, error) { return key("weak"), nil }},
		"no address":   {URL: ":", ID: "k1", Key: func() (secret.Secret, error) { return key(oldSecret), nil }},
		"nobody there": {URL: "http://127.0.0.1:1", ID: "k1", Key: func() (secret.Secret, error) { return key(oldSecret), nil }},
	} {
		if err := sender.Send(t.Context(), nil); err == nil || errors.Is(err, spool.ErrRefused) {
			t.Errorf("%s: Send = %v, want an error that is not final", name, err)
		}
	}
}

// TestReceiverAway lets a real daemon notify while nobody listens, and then somebody does: everything arrives, in order, each once.
func TestReceiverAway(t *testing.T) {
	t.Parallel()
	lab.Need(t, "icinga2")
	var away atomic.Bool
	away.Store(true)
	got := make(chan string, 10)
	v := verifier(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			cutOff(w)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, icinga.MaxBody))
		if err == nil {
			_, err = v.Verify(r.Header, body, time.Now())
		}
		var n icinga.Notification
		if err == nil {
			n, err = icinga.ParseNotification(body)
		}
		if err != nil {
			t.Error(err)
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		got <- fmt.Sprint(n.Type, " ", n.State)
	}))
	defer server.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program, kept := filepath.Join(dir, "opsbot"), filepath.Join(dir, "spool")
	script := fmt.Sprintf("#!/bin/sh\n[ \"$1\" = notify ] || exit 3\n[ \"$2\" = --drain ] && exit 0\n%s=%s exec %s %s\n", asNotify, server.URL, self, kept)
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	i := lab.NewIcinga(t, lab.IcingaOptions{Config: fmt.Sprintf(`
include "%s/*.conf"
object Host "ams-1" { import "opsbot-edge"; check_command = "passive"; enable_active_checks = false; max_check_attempts = 1 }
object Service "by hand" { host_name = "ams-1"; check_command = "passive"; enable_active_checks = false; max_check_attempts = 1 }
`, writeKit(t, icinga.KitOptions{Program: program}))})
	c := clientOf(t, i, i.User, i.Password)
	s, err := spool.Open(kept, spool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report(t, c, "ams-1", "by hand", 0)
	for n, exit := range []int{1, 2, 0, 1} {
		report(t, c, "ams-1", "by hand", exit)
		eventually(t, func() bool { count, _, _, err := s.Stat(); return err == nil && count == n+1 })
	}
	away.Store(false)
	report(t, c, "ams-1", "by hand", 2)
	var all []string
	for range 5 {
		select {
		case one := <-got:
			all = append(all, one)
		case <-time.After(30 * time.Second):
			t.Fatalf("came %q, and then nothing\n%s", all, i.Log())
		}
	}
	want := []string{"PROBLEM WARNING", "PROBLEM CRITICAL", "RECOVERY OK", "PROBLEM WARNING", "PROBLEM CRITICAL"}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("arrived (-want +got):\n%s", diff)
	}
	eventually(t, func() bool { count, _, _, err := s.Stat(); return err == nil && count == 0 })
	if strings.Contains(i.Log(), "critical/") {
		t.Errorf("the daemon complains:\n%s", i.Log())
	}
}

// eventually polls what another process does.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it did not come about in 30 s")
		}
	}
}
