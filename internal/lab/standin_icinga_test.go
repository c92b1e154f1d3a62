package lab_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/internal/lab"
)

// TestMonitorDowntimes: the stand-in sets, lists and ends downtimes, tells who is in one, and checks when it is asked to.
func TestMonitorDowntimes(t *testing.T) {
	t.Parallel()
	m, err := lab.StartMonitor(t.Context(), lab.MonitorOptions{Dir: t.TempDir(), Hosts: []string{"edge-1", "edge-2"}, Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Stop(); err != nil {
			t.Error(err)
		}
	}()
	pem, err := os.ReadFile(m.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: m.ServerName}, DisableKeepAlives: true}}
	act := func(action string, body map[string]any) int {
		t.Helper()
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m.URL+"/v1/actions/"+action, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(m.User, m.Password)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close() // what it says does not matter
		return resp.StatusCode
	}
	holds := func(path, what string) bool {
		t.Helper()
		text, err := m.Get(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(text, what)
	}
	now := float64(time.Now().Unix())
	for _, host := range []string{"edge-1", "edge-2"} {
		if code := act("schedule-downtime", map[string]any{"host": host, "author": "anna", "comment": "disks [r-1]", "start_time": now - 1, "end_time": now + 3600, "fixed": true}); code != http.StatusOK {
			t.Errorf("schedule on %s = %d", host, code)
		}
	}
	if !holds("/v1/objects/downtimes", `"__name":"edge-1!0"`) || !holds("/v1/objects/hosts", `"downtime_depth":1`) {
		t.Error("the downtime is not told")
	}
	if code := act("remove-downtime", map[string]any{"downtime": "edge-1!0"}); code != http.StatusOK {
		t.Errorf("remove = %d", code)
	}
	if holds("/v1/objects/downtimes", `"host_name":"edge-1"`) || !holds("/v1/objects/downtimes", `"host_name":"edge-2"`) {
		t.Error("the wrong downtime is left")
	}
	if code := act("schedule-downtime", map[string]any{"host": "nobody"}); code != http.StatusNotFound {
		t.Errorf("schedule on nobody = %d, want 404", code)
	}
	before, err := m.Get(t.Context(), "/v1/objects/hosts")
	if err != nil {
		t.Fatal(err)
	}
	if code := act("reschedule-check", map[string]any{"host": "edge-1", "force": true}); code != http.StatusOK || holds("/v1/objects/hosts", before) {
		t.Errorf("reschedule = %d, or no check was made", code)
	}
}
