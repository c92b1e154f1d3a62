package bot

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/icinga/plugin"
	"github.com/shitops/opsbot/icinga/spool"
	"github.com/shitops/opsbot/internal/secret"
)

const (
	// notifyPatience bounds one call: Icinga2 ends its commands after 45 s (see icinga-kit).
	notifyPatience = 40 * time.Second
	// notifyAppend bounds the wait for others who write into the spool, so that time is left for posting.
	notifyAppend = 10 * time.Second
	// notifyPost bounds one post.
	notifyPost = 10 * time.Second
)

// notifyOptions are the flags of notify. Where they are wrong the notification waits in the spool until they are right: it comes only once.
type notifyOptions struct {
	drain                        bool
	url, keyID, keyFile, ca, dir string
}

func (p *program) notifyCommand() *cobra.Command {
	var o notifyOptions
	c := &cobra.Command{
		Use:   "notify",
		Short: "hand a notification of Icinga2 to the bot",
		Long: `Hand a notification to the bot: Icinga2's NotificationCommand, which icinga-kit writes. It takes the notification from the environment
(ICINGA_*), writes it into the spool, and posts what waits there, in order, signed with the key. What cannot be posted waits for
the next call. No configuration is read.

Ends with 0 when all was posted, 75 when something waits, 3 when the bot refused something for good (it lies in the folder aside
of the spool), 2 when the environment holds no notification, 1 when the notification is lost.

With --drain it posts what waits and is a monitoring plugin: 0 OK, 1 WARNING when something waits or lies aside, 3 UNKNOWN.`,
		Example: `  opsbot notify --drain --url https://bot.example/icinga/notifications --key-id k1 --key-file /etc/opsbot/notify.key`,
		Args:    exactly(),
		RunE: p.run(func(ctx context.Context, _ []string) error {
			if o.drain {
				return p.plugin(ctx, spoolCheck, notifyPatience, func(ctx context.Context) plugin.Result { return o.check(ctx) })
			}
			return p.notify(ctx, o)
		}),
	}
	c.Flags().BoolVar(&o.drain, "drain", false, "post what waits and report as a monitoring plugin")
	o.flags(c.Flags())
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		if o.drain {
			return p.unknown(spoolCheck, err)
		}
		return err
	})
	return c
}

// flags are those that icinga-kit hands on.
func (o *notifyOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.url, "url", "http://127.0.0.1:8080/icinga/notifications", "where the bot takes notifications, a `URL`")
	f.StringVar(&o.keyID, "key-id", "k1", "the `name` of the key in the bot's configuration")
	f.StringVar(&o.keyFile, "key-file", "/etc/opsbot/notify.key", "the `file` with the key, which others may not read")
	f.StringVar(&o.ca, "ca", "", "a `file` with the certificates of who may vouch for the bot; by default those of the system")
	f.StringVar(&o.dir, "spool", "/var/lib/icinga2/opsbot/spool", "the `folder` where notifications wait")
}

// args are the flags as words, for who calls notify.
func (o *notifyOptions) args() []string {
	args := []string{"--url", o.url, "--key-id", o.keyID, "--key-file", o.keyFile}
	if o.ca != "" {
		args = append(args, "--ca", o.ca)
	}
	return append(args, "--spool", o.dir)
}

func (p *program) notify(ctx context.Context, o notifyOptions) error {
	ctx, cancel := context.WithTimeout(ctx, notifyPatience)
	defer cancel()
	n, err := icinga.NotificationFromEnv(p.getenv)
	if err != nil {
		return &failure{exit: door.Usage, err: err}
	}
	body, err := n.Body()
	if err != nil {
		return err
	}
	s, err := spool.Open(o.dir, spool.Options{})
	if err != nil {
		return p.past(ctx, o, body, err)
	}
	if err := appendTo(ctx, s, body); err != nil {
		// Those that wait are older. Whether they go or stay, this one has nowhere to wait.
		if _, drainErr := s.Drain(ctx, o.sender().Send); drainErr == nil {
			if err = appendTo(ctx, s, body); err == nil {
				return o.deliver(ctx, s, n.Name())
			}
		}
		return p.past(ctx, o, body, err)
	}
	return o.deliver(ctx, s, n.Name())
}

func appendTo(ctx context.Context, s *spool.Spool, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, notifyAppend)
	defer cancel()
	return s.Append(ctx, body)
}

// past posts a notification that could not be spooled.
func (p *program) past(ctx context.Context, o notifyOptions, body []byte, why error) error {
	if err := o.sender().Send(ctx, body); err != nil {
		return &failure{
			exit: door.Failure, err: fmt.Errorf("the notification is lost: %w; and past the spool: %w", why, err),
			hint: "mend the spool first: what lies in it survives the time without the bot",
		}
	}
	fmt.Fprintln(p.stderr, "warning: posted past the spool: "+reply.Clean(why.Error()))
	return nil
}

// deliver posts what waits.
func (o *notifyOptions) deliver(ctx context.Context, s *spool.Spool, name string) error {
	report, err := s.Drain(ctx, o.sender().Send)
	switch {
	case err != nil:
		return &failure{exit: door.Temporary, err: fmt.Errorf("the notification of %s waits in %s: %w", name, o.dir, err), hint: "the next call posts it: opsbot notify --drain"}
	case report.Left > 0:
		return &failure{exit: door.Temporary, err: fmt.Errorf("%d notifications wait in %s", report.Left, o.dir), hint: "the next call posts them: opsbot notify --drain"}
	case len(report.Aside) > 0:
		return &failure{exit: door.Partly, err: fmt.Errorf("put aside in %s: %s", o.dir, strings.Join(report.Aside, "; "))}
	}
	return nil
}

// sender posts to the bot. What is wrong with key, certificates and address shows at each post, not before.
func (o *notifyOptions) sender() icinga.Sender {
	return icinga.Sender{URL: o.url, ID: o.keyID, Key: secret.Source{File: o.keyFile}.Read, Client: &http.Client{
		Timeout: notifyPost, Transport: &trusting{ca: o.ca},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // it would be a GET, which stores nothing
	}}
}

// trusting is a transport that reads its authorities with the first request.
type trusting struct {
	ca   string
	next *http.Transport
}

// RoundTrip implements http.RoundTripper for one caller at a time.
func (t *trusting) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.next == nil {
		next := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 1, IdleConnTimeout: notifyPost, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
		if t.ca != "" {
			pem, err := os.ReadFile(t.ca)
			if err != nil {
				return nil, fmt.Errorf("read the authorities: %w", err)
			}
			next.TLSClientConfig.RootCAs = x509.NewCertPool()
			if !next.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
				return nil, fmt.Errorf("%s holds no certificate", t.ca)
			}
		}
		t.next = next
	}
	return t.next.RoundTrip(r)
}

// spoolCheck is what the check of the spool is called.
const spoolCheck = "SPOOL"

// check drains the spool and says how it is.
func (o *notifyOptions) check(ctx context.Context) plugin.Result {
	s, err := spool.Open(o.dir, spool.Options{})
	if err != nil {
		return plugin.Failed(spoolCheck, err)
	}
	report, drainErr := s.Drain(ctx, o.sender().Send)
	count, size, oldest, err := s.Stat()
	if err != nil {
		return plugin.Failed(spoolCheck, err)
	}
	aside, err := asideIn(o.dir)
	if err != nil {
		return plugin.Failed(spoolCheck, err)
	}
	age := 0.0
	if !oldest.IsZero() {
		age = max(time.Since(oldest).Seconds(), 0)
	}
	r := plugin.Result{Name: spoolCheck, Details: report.Aside, Metrics: []plugin.Metric{
		{Label: "sent", Value: float64(report.Sent), Min: new(0.0)}, {Label: "left", Value: float64(count), Min: new(0.0)},
		{Label: "size", Value: float64(size), Unit: "B", Min: new(0.0)}, {Label: "oldest", Value: age, Unit: "s", Decimals: 1, Min: new(0.0)},
		{Label: "aside", Value: float64(aside), Min: new(0.0)},
	}}
	said := []string{fmt.Sprintf("%d sent, %d left", report.Sent, count)}
	if drainErr != nil {
		said = append(said, drainErr.Error())
	}
	if aside > 0 {
		said = append(said, fmt.Sprintf("%d aside: look at them and remove them from %s", aside, filepath.Join(o.dir, "aside")))
	}
	r.Text = strings.Join(said, "; ")
	if drainErr != nil || count > 0 || aside > 0 {
		r.Status = plugin.Warning
	}
	return r
}

// asideIn counts what was put aside, now or before: a warning that shows but once is not seen.
func asideIn(dir string) (int, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "aside"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("look into the spool: %w", err)
	}
	return len(entries), nil
}
