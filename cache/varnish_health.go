package cache

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"
)

// Health implements Driver: ping, state of the child, bans at work, and whether the viewers' port accepts connections. A wrong
// secret and a foreign server on the admin port are errors; a server that is down is a Health with its problems.
func (v *varnish) Health(ctx context.Context) (Health, error) {
	var h Health
	if v.cli != nil {
		if err := v.adminHealth(ctx, &h); err != nil {
			return h, v.fail("health", "", err)
		}
	}
	if err := v.dialHTTP(ctx); err != nil {
		h.Problems = append(h.Problems, "viewers' port: "+err.Error())
	} else {
		h.Listening = true
	}
	if err := ctx.Err(); err != nil {
		return h, v.fail("health", "", err)
	}
	h.OK = len(h.Problems) == 0
	return h, nil
}

func (v *varnish) adminHealth(ctx context.Context, h *Health) error {
	if _, err := v.cli.do(ctx, "ping"); err != nil {
		if !Temporary(err) {
			return err
		}
		h.Problems = append(h.Problems, "management port: "+err.Error())
		return nil
	}
	start := time.Now()
	reply, err := v.cli.do(ctx, "status")
	if err != nil {
		h.Problems = append(h.Problems, "management port: "+err.Error())
		return nil
	}
	h.Admin, h.RTT = true, time.Since(start)
	h.Child = strings.TrimPrefix(firstLine(reply.body), "Child in state ")
	if h.Child != "running" {
		h.Problems = append(h.Problems, "the worker process is "+h.Child)
		return nil
	}
	if reply, err = v.cli.do(ctx, "banner"); err == nil {
		h.Version = versionIn(reply.body)
	}
	bans, err := v.bans(ctx)
	if err != nil && !errors.Is(err, ErrDown) {
		h.Problems = append(h.Problems, "list of bans: "+err.Error())
	}
	if h.Bans = activeBans(bans); h.Bans >= MaxBans {
		h.Problems = append(h.Problems, "more bans than look-ups can bear")
	}
	return nil
}

// versionIn finds "varnish-7.1.1 revision 7cee1c58..." in the banner.
func versionIn(banner string) string {
	for line := range strings.SplitSeq(banner, "\n") {
		if strings.HasPrefix(line, "varnish-") {
			return clip(line)
		}
	}
	return ""
}

func (v *varnish) dialHTTP(ctx context.Context) error {
	u, err := url.Parse(v.cfg.URL)
	if err != nil {
		return err
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	d := net.Dialer{Timeout: v.opts.Timeout}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}
