package lab

import (
	"context"
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
