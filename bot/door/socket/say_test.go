package socket

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzLine sends foreign bytes as a request: they are a line within the limits, or a problem that says what is wrong.
func FuzzLine(f *testing.F) {
	for _, s := range []string{`{"text":"flush edge-1","yes":true}`, `{"text":1}`, `{`, ``, `null`, `[]`, `{"text":"\u0000"}`, `{"text":"x","thread":"../"}`, `{"text":"x"} `, "\xff"} {
		f.Add(s)
	}
	s := &Server{o: Options{Line: 50}}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/say", strings.NewReader(body))
		line, problem := s.read(httptest.NewRecorder(), r)
		switch {
		case problem != nil && (problem.Exit == 0 || problem.Text == ""):
			t.Errorf("read(%q): problem %+v, want one with a text and an exit code", body, problem)
		case problem == nil && (utf8.RuneCountInString(line.Text) > 50 || len(line.ID) > 64 || len(line.Thread) > 64):
			t.Errorf("read(%q) = %+v, which is over the limits", body, line)
		}
	})
}
