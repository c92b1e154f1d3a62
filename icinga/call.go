package icinga

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/hashicorp/go-retryablehttp"
)

// call is one request to the API.
type call struct {
	op     string // for errors: what is tried on which object
	path   string // below the base, such as /v1/status
	name   string // of the object, for paths that end with it; it may hold any letters
	params url.Values
	body   any    // nil = GET without a body
	query  bool   // a query with a body: Icinga2 takes the method from a header then
	as     string // PUT or DELETE, taken from that header too, since both have a body
	repeat bool   // doing it twice is doing it once
}

// maxAnswer bounds what is read of an answer: 1,000 services with all attributes are 2.25 MB.
const maxAnswer = 64 << 20

// result is one element of an answer; which fields are set depends on the call.
type result struct {
	Code   float64         `json:"code"`
	Status json.RawMessage `json:"status"` // a string in actions, an object in /v1/status
	Errors []string        `json:"errors"`
	Name   string          `json:"name"`
	Attrs  json.RawMessage `json:"attrs"`

	User        string            `json:"user"`
	Version     string            `json:"version"`
	Permissions []json.RawMessage `json:"permissions"`
}

// say returns what Icinga2 said of this object.
func (r result) say() string {
	var s string
	_ = json.Unmarshal(r.Status, &s) // an object is no sentence
	return oneLine(strings.Join(append([]string{s}, r.Errors...), " "))
}

// do sends the call and returns the results. The HTTP status is not enough: a change that was refused may be answered 200, with the code of
// the failure inside.
func (c *Client) do(ctx context.Context, k call) ([]result, error) {
	req, err := c.request(ctx, k)
	if err != nil { // ours: the password's file is gone
		return nil, fmt.Errorf("icinga2: %s: %w", k.op, err)
	}
	status, data, err := c.send(req, k.repeat)
	if err != nil {
		return nil, noAnswer(k.op, err)
	}
	results, failed := decode(status, data)
	if failed != nil {
		failed.Op = k.op
		return results, failed
	}
	return results, nil
}

// decode reads both shapes of answers, {"error","status"} and {"results":[{"code","status","errors"}]}, and takes the worst code.
func decode(status int, data []byte) ([]result, *Error) {
	var a struct {
		Error   float64  `json:"error"`
		Status  string   `json:"status"`
		Results []result `json:"results"`
	}
	if err := json.Unmarshal(data, &a); err != nil {
		if status < 300 {
			return nil, &Error{Code: http.StatusBadGateway, kind: ErrUnavailable, Status: "the answer is no JSON: " + oneLine(string(data))}
		}
		return nil, &Error{Code: status, kind: kindOf(status), Status: oneLine(string(data))}
	}
	code, say := max(status, int(a.Error)), a.Status
	for _, r := range a.Results {
		if int(r.Code) > code || (int(r.Code) == code && say == "") {
			code, say = int(r.Code), r.say()
		}
	}
	if code < 300 {
		return a.Results, nil
	}
	// An action whose object does not exist: 500 and an empty list (404 in later versions).
	if status == http.StatusInternalServerError && a.Results != nil && len(a.Results) == 0 {
		code, say = http.StatusNotFound, "No objects found."
	}
	return a.Results, &Error{Code: code, kind: kindOfAnswer(code, say), Status: oneLine(say)}
}

// send returns status and body of the answer.
func (c *Client) send(req *http.Request, repeat bool) (int, []byte, error) {
	resp, err := c.exchange(req, repeat)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }() // what matters was read, or reading it failed
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return 0, nil, err
	}
	if len(data) > maxAnswer {
		return 0, nil, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}
	return resp.StatusCode, data, nil
}

// exchange sends a request, again where no answer came and repeat says that this does no harm.
func (c *Client) exchange(req *http.Request, repeat bool) (*http.Response, error) {
	if !repeat {
		return c.once.Do(req)
	}
	again, err := retryablehttp.FromRequest(req)
	if err != nil {
		return nil, err
	}
	return c.repeat.Do(again)
}

func (c *Client) request(ctx context.Context, k call) (*http.Request, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if k.body != nil {
		data, err := encode(k.body)
		if err != nil {
			return nil, err
		}
		method, body = http.MethodPost, bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.address(k), body)
	if err != nil {
		return nil, err
	}
	// A user that proves itself by its certificate has no password. Others send it at once: 2.16.0 to 2.16.3 break those who wait for a 401.
	if c.opt.Password != nil {
		password, err := c.opt.Password()
		if err != nil {
			return nil, err
		}
		if line := password.Line(); line != "" {
			req.SetBasicAuth(c.opt.User, line)
		}
	}
	req.Header.Set("Accept", "application/json") // without it: 400 and HTML
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if k.query {
		k.as = http.MethodGet
	}
	if k.as != "" {
		req.Header.Set("X-HTTP-Method-Override", k.as)
	}
	return req, nil
}

// address returns where the call goes. The name of an object is one segment of the path, whatever is in it.
func (c *Client) address(k call) string {
	u := *c.base
	u.Path, u.RawPath = k.path, k.path
	if k.name != "" {
		u.Path, u.RawPath = k.path+"/"+k.name, k.path+"/"+url.PathEscape(k.name)
	}
	u.RawQuery = k.params.Encode()
	return u.String()
}

// encode writes < and > as they are: Icinga2 shows what it was sent.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
