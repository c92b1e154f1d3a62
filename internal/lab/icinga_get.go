package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Get reads from the API, such as /v1/objects/comments, by means that are not those of the program under test.
func (i *Icinga) Get(ctx context.Context, path string) (string, error) {
	_, answer, err := i.Call(ctx, http.MethodGet, path, nil)
	return answer, err
}

// Call asks the API as a user who may do everything, by means that are not those of the program under test: GET, PUT, POST or DELETE of a path such
// as /v1/objects/hosts/edge-1, with a body that is written as JSON, nil for none. It returns the status and the text of the answer.
func (i *Icinga) Call(ctx context.Context, method, path string, body any) (int, string, error) {
	sent := io.Reader(http.NoBody)
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return 0, "", fmt.Errorf("lab icinga: %w", err)
		}
		sent = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, i.URL+path, sent)
	if err != nil {
		return 0, "", fmt.Errorf("lab icinga: %w", err)
	}
	req.SetBasicAuth(i.User, i.Password)
	req.Header.Set("Accept", "application/json")
	resp, err := i.client.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("lab icinga: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	return resp.StatusCode, string(answer), err
}

// As returns the same daemon for calls as another ApiUser. Only its calls may be used.
func (i *Icinga) As(user, password string) *Icinga {
	return &Icinga{URL: i.URL, ServerName: i.ServerName, CAFile: i.CAFile, User: user, Password: password, Dir: i.Dir, client: i.client}
}

// Report hands in the result of a check that was made elsewhere: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
func (i *Icinga) Report(ctx context.Context, host, service string, state int, output string) error {
	status, answer, err := i.Call(ctx, http.MethodPost, "/v1/actions/process-check-result",
		map[string]any{"type": "Service", "service": host + "!" + service, "exit_status": state, "plugin_output": output})
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("lab icinga: report %s on %s: %d: %s", service, host, status, answer)
	}
	return err
}
