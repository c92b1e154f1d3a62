package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/bot/ops"
	"github.com/shitops/opsbot/bot/reply"
)

func (p *program) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "ask the running bot whether it does its work",
		Long: `Ask the running bot, over its socket or else over its listener of the group ops, whether it does its work, and print what each of its parts says. Ends with 0
if it does, 1 if it does not, 75 if nobody answers.`,
		Args: exactly(),
		RunE: p.run(func(ctx context.Context, _ []string) error { return p.health(ctx) }),
	}
}

func (p *program) health(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	h, err := p.askHealth(ctx)
	if err != nil {
		return &failure{exit: door.Temporary, err: err}
	}
	if p.asJSON {
		err = json.NewEncoder(p.stdout).Encode(h)
	} else {
		err = p.printHealth(h)
	}
	if err == nil && !h.Ready {
		return &failure{exit: door.Failure}
	}
	return err
}

func (p *program) printHealth(h socket.Health) error {
	style := reply.Detect(p.getenv, false, 0)
	for _, v := range h.Votes {
		c := reply.Card{Kind: reply.Done, Title: v.Name + ": well"}
		if !v.OK {
			c = reply.Card{Kind: reply.Failed, Title: v.Name + ": " + v.Why}
		}
		if _, err := io.WriteString(p.stdout, reply.Text(c, style)); err != nil {
			return err
		}
	}
	word := "ready"
	if !h.Ready {
		word = "not ready"
	}
	_, err := fmt.Fprintln(p.stdout, word)
	return err
}

// askHealth asks over the socket and, where that does not answer, over the listener.
func (p *program) askHealth(ctx context.Context) (socket.Health, error) {
	client, err := p.client(ctx)
	if err == nil {
		var h socket.Health
		if h, err = client.Health(ctx); err == nil {
			return h, nil
		}
	}
	c, configErr := p.loadConfig()
	if configErr != nil || p.socketPath != "" {
		return socket.Health{}, err
	}
	h, listenErr := healthFromListener(ctx, c)
	if listenErr != nil {
		return h, errors.Join(err, listenErr)
	}
	return h, nil
}

func healthFromListener(ctx context.Context, c *config.Config) (socket.Health, error) {
	var h socket.Health
	i := slices.IndexFunc(c.Listeners, func(l config.Listener) bool { return slices.Contains(l.Serve, config.GroupOps) })
	if i < 0 {
		return h, errors.New("ask the listener: the configuration has none for the group ops")
	}
	return healthFrom(ctx, "http://"+c.Listeners[i].Address+"/readyz?format=json")
}

func healthFrom(ctx context.Context, url string) (socket.Health, error) {
	var h socket.Health
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return h, fmt.Errorf("ask %s: %w", url, err)
	}
	req.Header.Set("User-Agent", ops.Version().UserAgent())
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req) // a proxy has no say in what is local
	if err != nil {
		return h, fmt.Errorf("ask the listener: %w", err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&h); err != nil {
		return h, fmt.Errorf("ask %s: the answer (%s) is not that of a bot: %w", url, resp.Status, err)
	}
	return h, nil
}
