package cache

import (
	"context"
	"fmt"
	"strings"
)

// Content names what a cache's content depends on: when it differs from before, the cache began to fill again.
type Content struct {
	VCL     string // name of the VCL in use; "" = the server does not say
	Flushed string // time of the newest flush, on the server's clock and as it prints it; "" = none that it remembers
}

// Contents is implemented by drivers whose server tells since when its content is what it is.
type Contents interface {
	// Content asks the server. Without a management port it returns [ErrUnsupported].
	Content(ctx context.Context) (Content, error)
}

// Content implements Contents by the list of bans: a flush is a ban on every object, ours or one that a person typed. The server forgets it
// some time after the next one.
func (v *varnish) Content(ctx context.Context) (Content, error) {
	var c Content
	if v.cli == nil {
		return c, v.fail("content", "", fmt.Errorf("%w: no admin address configured", ErrUnsupported))
	}
	reply, err := v.cli.do(ctx, "vcl.list")
	if err == nil {
		err = cliError(reply)
	}
	if err != nil {
		return c, v.fail("content", "", err)
	}
	c.VCL = activeVCL(reply.body)
	bans, err := v.bans(ctx)
	if err != nil {
		return c, v.fail("content", "", err)
	}
	for _, b := range bans { // newest first
		if b.spec == allObjects || strings.HasPrefix(b.spec, allObjects+" && "+markHeader+" != ") {
			c.Flushed = b.time
			break
		}
	}
	return c, nil
}
