package content

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/cache"
)

// explained is a cache's error as a person is told it: the thing, what happened, the next step. The original stays in the chain.
type explained struct {
	text string
	err  error
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.err }

// explain turns an error of a cache into a sentence, and marks it temporary where trying again can help. It leaves alone what was
// explained before.
func explain(err error, n actions.Node, ca actions.Cache) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*explained](err); ok {
		return err
	}
	var stop actions.Stop
	var wait actions.Wait
	if errors.As(err, &stop) || errors.As(err, &wait) || errors.Is(err, context.Canceled) {
		return err
	}
	told := &explained{text: n.Name + "/" + ca.Name + ": " + sentence(err, ca), err: err}
	if cache.Temporary(err) {
		return actions.Temporary{Err: told}
	}
	return told
}

// sentence names what went wrong and what to look at. The cache's own words are kept, without the names that stand before them already.
func sentence(err error, ca actions.Cache) string {
	words, where := cause(err), ca.URL
	if spokeCLI(err) && ca.AdminAddress != "" {
		where = "the Varnish CLI at " + ca.AdminAddress
	}
	switch {
	case errors.Is(err, errSecretFile), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("%s: check that the bot may read admin.secret_file", words)
	case errors.Is(err, cache.ErrWrongSecret):
		return fmt.Sprintf("the Varnish CLI at %s refused the secret in %s: check admin.secret_file", ca.AdminAddress, orNone(ca.AdminSecretFile))
	case errors.Is(err, cache.ErrNoSignature):
		return fmt.Sprintf("%s answered, but not as the cache: %s; check that caches[].url is the cache itself and its VCL knows PURGE", where, words)
	case errors.Is(err, cache.ErrStale):
		return fmt.Sprintf("%s; an old answer was stored after the purge: let settle (caches[].settle) be longer than the origin's slowest answer", words)
	case errors.Is(err, cache.ErrTooManyBans):
		return fmt.Sprintf("%s; wait until they are worked off, or flush", words)
	case errors.Is(err, cache.ErrUnsupported):
		return fmt.Sprintf("%s; nothing else was done instead", words)
	case errors.Is(err, cache.ErrRefused):
		return fmt.Sprintf("%s: %s; check the acl in its VCL, and that it lists the bot's address", where, words)
	case errors.Is(err, cache.ErrConfig):
		return fmt.Sprintf("%s; check this cache in the configuration file", words)
	case errors.Is(err, cache.ErrDown):
		return fmt.Sprintf("%s: %s; start it on the node, and look into its log", where, words)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("%s did not answer in time: %s", where, words)
	case cache.Temporary(err):
		return fmt.Sprintf("%s cannot be reached: %s; is varnishd running there?", where, words)
	}
	return words
}

// spokeCLI tells whether the operation that failed goes over the management port.
func spokeCLI(err error) bool {
	e, ok := errors.AsType[*cache.Error](err)
	return ok && (e.Op == "flush" || e.Op == "purge prefix" || e.Op == "health")
}

// cause returns the text of the error under a *cache.Error, whose node and operation the reader is told elsewhere. What could not be opened
// is part of the cause, and so is what others wrapped around it.
func cause(err error) string {
	if e, ok := err.(*cache.Error); ok {
		if e.Op == "open" {
			return e.Object + ": " + e.Err.Error()
		}
		return e.Err.Error()
	}
	return err.Error()
}

func orNone(s string) string {
	if strings.TrimSpace(s) == "" {
		return "none"
	}
	return s
}
