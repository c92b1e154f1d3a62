package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// routes is the part of the API that there is.
func (m *Monitor) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1", func(w http.ResponseWriter, _ *http.Request) {
		writeResults(w, map[string]any{"user": m.User, "version": "stand-in", "permissions": []string{"*"}})
	})
	mux.HandleFunc("GET /v1/status/IcingaApplication", m.status)
	mux.HandleFunc("/v1/objects/hosts", func(w http.ResponseWriter, r *http.Request) { m.objects(w, r, false) })
	mux.HandleFunc("/v1/objects/services", func(w http.ResponseWriter, r *http.Request) { m.objects(w, r, true) })
	mux.HandleFunc("/v1/objects/comments", m.listComments)
	mux.HandleFunc("/v1/objects/downtimes", m.listDowntimes)
	mux.HandleFunc("POST /v1/actions/{action}", m.act)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != m.User || password != m.Password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (m *Monitor) status(w http.ResponseWriter, _ *http.Request) {
	app := map[string]any{
		"node_name": m.ServerName, "version": "stand-in", "pid": 0, "program_start": float64(m.begun.Unix()),
		"enable_notifications": true, "enable_host_checks": true, "enable_service_checks": true,
	}
	writeResults(w, map[string]any{"name": "IcingaApplication", "status": map[string]any{"icingaapplication": map[string]any{"app": app}}})
}

// monitorRequest is what queries and actions may hold.
type monitorRequest struct {
	Host    string         `json:"host"`
	Service string         `json:"service"`
	Filter  string         `json:"filter"`
	Vars    map[string]any `json:"filter_vars"`
	Author  string         `json:"author"`
	Comment string         `json:"comment"`

	Downtime string  `json:"downtime"`
	Start    float64 `json:"start_time"`
	End      float64 `json:"end_time"`
	Duration float64 `json:"duration"`
	Fixed    bool    `json:"fixed"`
}

func readRequest(r *http.Request) (q monitorRequest) {
	_ = json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&q) // a query may have no body
	return q
}

// text returns a variable of the filter that is a text.
func (q monitorRequest) text(name string) string {
	s, _ := q.Vars[name].(string)
	return s
}

// chosen tells whether a host is one of those of the filter, where it names some.
func (q monitorRequest) chosen(host string) bool {
	hosts, ok := q.Vars["hosts"].([]any)
	return !ok || slices.Contains(hosts, any(host))
}

// object returns the name that the request is about.
func (q monitorRequest) object() string {
	if q.Service != "" {
		return q.Service
	}
	return q.Host
}

func (s *monitored) name() string {
	if s.check.Service == "" {
		return s.check.Host
	}
	return s.check.Host + "!" + s.check.Service
}

func (m *Monitor) objects(w http.ResponseWriter, r *http.Request, services bool) {
	q := readRequest(r)
	m.mu.Lock()
	defer m.mu.Unlock()
	var results []any
	for _, s := range m.services {
		switch {
		case (s.check.Service != "") != services,
			q.object() != "" && q.object() != s.name(),
			strings.Contains(q.Filter, "state != 0") && s.state == 0,
			q.text("h") != "" && q.text("h") != s.check.Host, !q.chosen(s.check.Host):
			continue
		}
		a := s.attributes()
		a["downtime_depth"] = m.depth(s)
		results = append(results, map[string]any{"name": s.name(), "attrs": a})
	}
	if results == nil && q.object() != "" {
		http.Error(w, `{"error":404,"status":"No objects found."}`, http.StatusNotFound)
		return
	}
	writeResults(w, results...)
}

func (s *monitored) attributes() map[string]any {
	at := func(t time.Time) float64 {
		if t.IsZero() {
			return 0
		}
		return float64(t.UnixNano()) / 1e9
	}
	ack := 0
	if s.acked {
		ack = 1
	}
	good := "last_state_ok"
	if s.check.Service == "" {
		good = "last_state_up"
	}
	a := map[string]any{
		"__name": s.name(), "display_name": s.name(), "host_name": s.check.Host, "state": s.state, "state_type": 1, "check_attempt": 1, "max_check_attempts": 1,
		"last_state_change": at(s.changed), "last_hard_state_change": at(s.changed), good: at(s.good), "acknowledgement": ack, "acknowledgement_expiry": 0,
		"downtime_depth": 0, "flapping": false, "last_reachable": true, "vars": nil, "last_check_result": nil,
	}
	if !s.checked.IsZero() {
		a["last_check_result"] = map[string]any{"execution_end": at(s.checked), "output": s.output, "performance_data": []string{}}
	}
	return a
}

func (m *Monitor) listComments(w http.ResponseWriter, r *http.Request) {
	q := readRequest(r)
	m.mu.Lock()
	defer m.mu.Unlock()
	var results []any
	for _, c := range m.comments {
		if q.Filter != "" && (c.Host != q.text("h") || c.Service != q.text("s") || c.Author != q.text("a") || !strings.Contains(c.Text, q.text("m"))) {
			continue
		}
		results = append(results, map[string]any{"name": c.Name, "attrs": map[string]any{
			"__name": c.Name, "host_name": c.Host, "service_name": c.Service, "author": c.Author, "text": c.Text,
		}})
	}
	writeResults(w, results...)
}

func (m *Monitor) act(w http.ResponseWriter, r *http.Request) {
	q := readRequest(r)
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.PathValue("action") == "remove-downtime" {
		m.rests = slices.DeleteFunc(m.rests, func(d monitorDowntime) bool { return d.Name == q.Downtime })
		writeResults(w, map[string]any{"code": http.StatusOK, "status": "Successfully removed downtime."})
		return
	}
	for _, s := range m.services {
		if s.name() != q.object() {
			continue
		}
		code, say := m.do(s, r.PathValue("action"), q)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(map[string]any{"results": []any{map[string]any{"code": code, "status": say}}}) // as in writeResults
		return
	}
	http.Error(w, `{"error":404,"status":"No objects found."}`, http.StatusNotFound)
}

// do carries out one action. The lock is held.
func (m *Monitor) do(s *monitored, action string, q monitorRequest) (code int, say string) {
	switch action {
	case "acknowledge-problem":
		if s.state == 0 || s.acked {
			return http.StatusConflict, map[bool]string{true: s.name() + " is already acknowledged.", false: s.name() + " is OK."}[s.acked]
		}
		s.acked = true
		m.comment(s, q)
	case "remove-acknowledgement":
		s.acked = false
	case "add-comment":
		m.comment(s, q)
	case "schedule-downtime":
		m.rests = append(m.rests, monitorDowntime{m.remark(s, q, len(m.rests)), q.Start, q.End, q.Duration, q.Fixed})
	case "reschedule-check":
		s.checked = time.Now()
	case "process-check-result":
	default:
		return http.StatusNotFound, "the stand-in knows no " + action
	}
	return http.StatusOK, "Successfully done: " + action
}

func (m *Monitor) comment(s *monitored, q monitorRequest) {
	m.comments = append(m.comments, m.remark(s, q, len(m.comments)))
}

// remark is what somebody has written beside an object.
func (m *Monitor) remark(s *monitored, q monitorRequest, n int) monitorComment {
	return monitorComment{fmt.Sprintf("%s!%d", s.name(), n), s.check.Host, s.check.Service, q.Author, q.Comment}
}

// depth is how many downtimes an object is in. The lock is held.
func (m *Monitor) depth(s *monitored) int {
	n, now := 0, float64(time.Now().Unix())
	for _, d := range m.rests {
		if d.Host == s.check.Host && d.Service == s.check.Service && d.fixed && d.start <= now && now < d.end {
			n++
		}
	}
	return n
}

func (m *Monitor) listDowntimes(w http.ResponseWriter, r *http.Request) {
	q := readRequest(r)
	m.mu.Lock()
	defer m.mu.Unlock()
	var results []any
	for _, d := range m.rests {
		service, one := q.text("s"), q.Vars["s"] != nil
		switch {
		case q.text("h") != "" && d.Host != q.text("h"), one && d.Service != service,
			strings.Contains(q.Filter, "author") && d.Author != q.text("a"), strings.Contains(q.Filter, "contains") && !strings.Contains(d.Text, q.text("m")):
			continue
		}
		results = append(results, map[string]any{"name": d.Name, "attrs": map[string]any{
			"__name": d.Name, "host_name": d.Host, "service_name": d.Service, "author": d.Author, "comment": d.Text,
			"start_time": d.start, "end_time": d.end, "duration": d.duration, "fixed": d.fixed, "trigger_time": d.start, "config_owner": "",
		}})
	}
	writeResults(w, results...)
}

// Get returns what a query of the API would, such as /v1/objects/comments.
func (m *Monitor) Get(ctx context.Context, path string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody)
	if err != nil {
		return "", fmt.Errorf("lab monitor: %w", err)
	}
	r.SetBasicAuth(m.User, m.Password)
	w := &memory{header: http.Header{}}
	m.routes().ServeHTTP(w, r)
	return w.String(), nil
}

// memory is a response that is kept.
type memory struct {
	strings.Builder
	header http.Header
}

// Header implements http.ResponseWriter.
func (w *memory) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *memory) WriteHeader(int) {}
