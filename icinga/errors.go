package icinga

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// What an [Error] is; test with errors.Is.
var (
	// ErrNotFound says that there is no such object, or that the user may not see it: before 2.14.9, 2.15.4 and 2.16.2 Icinga2 answers both alike.
	ErrNotFound = errors.New("not found")
	// ErrForbidden says that the user lacks a permission, which the error names.
	ErrForbidden = errors.New("forbidden")
	// ErrUnauthorized says that user and password do not fit.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrConflict says that the state of the object forbids it: an acknowledgement of what is OK.
	ErrConflict = errors.New("conflict")
	// ErrExists says that an object of that name is there already.
	ErrExists = errors.New("exists already")
	// ErrPoisoned says that an earlier creation of that name has failed, and that before 2.14.4 the name is blocked until Icinga2 reloads.
	ErrPoisoned = errors.New("name blocked until a reload")
	// ErrInvalid says that Icinga2 did not accept the request as such.
	ErrInvalid = errors.New("invalid")
	// ErrUnavailable says that Icinga2 did not answer, or that it is reloading. It may be tried again later.
	ErrUnavailable = errors.New("unavailable")
	// ErrUntrusted says that the server has another certificate than the one that was expected. No password was sent.
	ErrUntrusted = errors.New("untrusted")
)

// Error is an answer that says no, or the want of an answer.
type Error struct {
	Op     string // what was tried on which object: "acknowledge edge-1!Cache Hit Rate"
	Code   int    // the worst code of the answer; 0 without an answer
	Status string // Icinga2's own words

	kind  error // one of the sentinels
	cause error // of the want of an answer
}

// Error implements error.
func (e *Error) Error() string {
	switch {
	case e.cause != nil:
		return fmt.Sprintf("icinga2: %s: %v: %v", e.Op, e.kind, e.cause)
	case e.Status == "":
		return fmt.Sprintf("icinga2: %s: %d %s", e.Op, e.Code, http.StatusText(e.Code))
	default:
		return fmt.Sprintf("icinga2: %s: %d: %s", e.Op, e.Code, e.Status)
	}
}

// Unwrap gives the sentinel and the cause to errors.Is.
func (e *Error) Unwrap() []error {
	var all []error
	for _, err := range []error{e.kind, e.cause} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// Temporary tells whether the same call may succeed later without anybody changing anything.
func Temporary(err error) bool { return errors.Is(err, ErrUnavailable) }

// kindOf is the sentinel of a code, nil for those that nobody branches on.
func kindOf(code int) error {
	switch code {
	case http.StatusBadRequest:
		return ErrInvalid
	case http.StatusUnauthorized:
		return ErrUnauthorized
	case http.StatusForbidden:
		return ErrForbidden
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusConflict:
		return ErrConflict
	// 503 is the answer while the configuration is reloaded (2.14 and later); the others come from proxies in between.
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return ErrUnavailable
	default:
		return nil
	}
}

// kindOfAnswer is kindOf for answers whose code alone says too little: what a creation met stands in its words.
func kindOfAnswer(code int, say string) error {
	if code != http.StatusInternalServerError {
		return kindOf(code)
	}
	switch {
	case strings.Contains(say, "already exists"):
		return ErrExists
	case strings.Contains(say, "re-defined"):
		return ErrPoisoned
	case strings.Contains(say, "Validation failed"), strings.Contains(say, "unknown template"), strings.Contains(say, "Invalid attribute"),
		strings.Contains(say, "cannot be modified"): // inside of a 200
		return ErrInvalid
	}
	return nil
}

// noAnswer is the error of a request that got none.
func noAnswer(op string, err error) *Error {
	kind := ErrUnavailable
	if untrusted(err) {
		kind = ErrUntrusted
		if _, pinned := errors.AsType[*pinError](err); !pinned {
			err = fmt.Errorf("%w; icinga.ca_file must be the authority that signed it, icinga.server_name the NodeName it is for", err)
		}
	}
	return &Error{Op: op, kind: kind, cause: err}
}

func untrusted(err error) bool {
	if _, ok := errors.AsType[*pinError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.HostnameError](err)
	return ok
}

// oneLine makes of Icinga2's words, which may hold line ends and HTML, a line that fits an error.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	const most = 500
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + " ..."
	}
	return s
}
