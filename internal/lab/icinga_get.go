package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Get reads from the API, such as /v1/objects/comments, by means that are not those of the program under test.
func (i *Icinga) Get(ctx context.Context, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.URL+path, nil)
	if err != nil {
		return "", fmt.Errorf("lab icinga: %w", err)
	}
	req.SetBasicAuth(i.User, i.Password)
	req.Header.Set("Accept", "application/json")
	resp, err := i.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("lab icinga: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	body, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	return string(body), err
}

// Report hands in the result of a check that was made elsewhere: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
func (i *Icinga) Report(ctx context.Context, host, service string, state int, output string) error {
	body, err := json.Marshal(map[string]any{"type": "Service", "service": host + "!" + service, "exit_status": state, "plugin_output": output})
	if err != nil {
		return fmt.Errorf("lab icinga: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.URL+"/v1/actions/process-check-result", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("lab icinga: %w", err)
	}
	req.SetBasicAuth(i.User, i.Password)
	req.Header.Set("Accept", "application/json")
	resp, err := i.client.Do(req)
	if err != nil {
		return fmt.Errorf("lab icinga: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("lab icinga: report %s on %s: %s", service, host, resp.Status)
	}
	return errors.Join(err, resp.Body.Close())
}
