package bot_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/icinga"
)

// watched is what somebody who watches is shown of one living card: each state that differs from the one before.
type watched struct {
	mu    sync.Mutex
	cards []reply.Card
}

func watchCard(t *testing.T, h *house, prefix string) *watched {
	t.Helper()
	w := &watched{}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	feed := h.Feed(ctx)
	var work sync.WaitGroup
	work.Go(func() {
		for c := range feed {
			if strings.HasPrefix(c.ID, prefix) {
				w.mu.Lock()
				w.cards = append(w.cards, c)
				w.mu.Unlock()
			}
		}
	})
	t.Cleanup(func() { cancel(); work.Wait() })
	return w
}

// titles are what it was called, in order.
func (w *watched) titles() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.cards {
		out = append(out, fmt.Sprintf("%s live=%v: %s", c.Kind, c.Live, c.Title))
	}
	return out
}

// ids counts the cards.
func (w *watched) ids() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := map[string]bool{}
	for _, c := range w.cards {
		ids[c.ID] = true
	}
	return len(ids)
}

// eventually waits until something is so; the bot looks by its own clock.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for !ok() {
		if ctx.Err() != nil {
			t.Fatalf("it never came so that %s", what)
		}
		pause(ctx, 20*time.Millisecond)
	}
}

// metrics reads what the bot counts.
func metrics(t *testing.T, h *house) string {
	t.Helper()
	resp, err := http.Get("http://" + h.OpsAddr() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestProbingInTheBackground: nobody asks, and a hop that becomes too small is noticed, named once, shown where people look, and forgotten when it is well.
func TestProbingInTheBackground(t *testing.T) {
	t.Parallel()
	x := startTunnelledWith(t, 3, "", "probe: {every: 1s, alarm_after: 2}\n")
	card := watchCard(t, x.house, "segment/studio-a/pairs/")
	x.told(t, "create segment studio-a of acme with vni 5001 on edge-1 and edge-2 and edge-3", door.OK, "VNI 5001")
	counts := func(want ...string) func() bool {
		return func() bool {
			text := metrics(t, x.house)
			for _, w := range want {
				if !strings.Contains(text, w+"\n") {
					return false
				}
			}
			return true
		}
	}
	eventually(t, "all pairs are known to be ok", counts(`opsbot_segment_pairs{segment="studio-a",state="ok"} 6`, `opsbot_segment_pairs{segment="studio-a",state="unknown"} 0`))
	x.told(t, "show segment studio-a", door.OK, "edge-3")
	if text := x.say("status").text(); strings.Contains(text, "bad pair") {
		t.Errorf("status while all is well:\n%s", text)
	}
	if text := metrics(t, x.house); !strings.Contains(text, "opsbot_probe_rtt_seconds_bucket") || !strings.Contains(text, `opsbot_probe_results_total{state="ok"}`) {
		t.Error("round trips and results are not counted")
	}

	x.lab.Underlay.Run(t, "ip", "link", "set", "dev", "n3", "mtu", "1400")
	eventually(t, "people are told of the hop", func() bool { return len(card.titles()) > 0 })
	x.told(t, "show segment studio-a", door.Failure, "probed: ", "passes only 1350 of 1450 (a hop of 1400)", "since ")
	x.told(t, "show node edge-3", door.Failure, "segment studio-a: ", "passes only 1350")
	if text := x.say("status").text(); !strings.Contains(text, "bad pairs in studio-a: ") {
		t.Errorf("status:\n%s", text)
	}
	eventually(t, "the pairs are counted", counts(`opsbot_segment_pairs{segment="studio-a",state="mtu"} 4`, `opsbot_segment_pairs{segment="studio-a",state="ok"} 2`))

	x.lab.Underlay.Run(t, "ip", "link", "set", "dev", "n3", "mtu", "1500")
	eventually(t, "all is well again", func() bool {
		said := card.titles()
		return said[len(said)-1] == "done live=false: segment studio-a: all pairs are ok again"
	})
	if n := card.ids(); n != 1 {
		t.Errorf("%d cards, want one that lives", n)
	}
	for _, title := range card.titles()[:len(card.titles())-1] {
		if !strings.HasPrefix(title, "failed live=true: segment studio-a: ") || !strings.Contains(title, "passes only 1") {
			t.Errorf("the card said %q", title)
		}
	}
	if n := len(card.titles()); n > 9 { // one for each pair that came and went, at most
		t.Errorf("the card changed %d times: %q", n, card.titles())
	}
	x.told(t, "show segment studio-a", door.OK, "edge-3")
	x.told(t, "delete segment studio-a", door.OK, "deleted")
	eventually(t, "the segment is counted no more", func() bool { return !strings.Contains(metrics(t, x.house), "studio-a") })
}

// TestProbingIsReported: a real Icinga2 gets a service for each node in a segment, hears of bad pairs, of their end, and notices when the bot is silent.
func TestProbingIsReported(t *testing.T) {
	t.Parallel()
	i, c := startKit(t, icinga.KitOptions{Program: "/bin/true", HostCheck: "dummy"})
	password := filepath.Join(t.TempDir(), "icinga.password")
	write(t, password, "of the bot")
	x := startTunnelledWith(t, 3, "", fmt.Sprintf(`
probe: {every: 2s, alarm_after: 2}
icinga: {url: %q, user: opsbot, password_file: %s, ca_file: %s, server_name: %s, register: true, stream: false}
`, i.URL, password, i.CAFile, i.ServerName))
	await := func(node string, state icinga.State, output string) (o icinga.Object) {
		t.Helper()
		eventually(t, fmt.Sprintf("Overlay of %s is %s %q", node, state, output), func() bool {
			var err error
			o, err = c.Object(t.Context(), node, "Overlay")
			return err == nil && !o.Pending() && o.State == state && strings.Contains(o.Output, output)
		})
		return o
	}
	x.told(t, "create segment studio-a of acme with vni 5001 on edge-1 and edge-2", door.OK, "VNI 5001")
	o := await("edge-1", icinga.OK, "OVERLAY OK: 1/1 pairs ok")
	if data := strings.Join(o.Perfdata, " "); !strings.HasPrefix(data, "pairs_ok=1;;;0 pairs=1;;;0 rtt=0.") {
		t.Errorf("it reports %q", data)
	}
	await("edge-2", icinga.OK, "OVERLAY OK: 1/1 pairs ok")
	if there, err := c.Exists(t.Context(), "edge-3", "Overlay"); there || err != nil {
		t.Errorf("edge-3, which is in no segment, has the service: %v, %v", there, err)
	}
	x.lab.Underlay.Run(t, "ip", "link", "set", "dev", "n2", "mtu", "1400")
	await("edge-1", icinga.Critical, "edge-1 → edge-2 passes only 1350 of 1450 (a hop of 1400)")
	x.lab.Underlay.Run(t, "ip", "link", "set", "dev", "n2", "mtu", "1500")
	await("edge-1", icinga.OK, "1/1 pairs ok")
	x.told(t, "detach edge-2 from studio-a", door.OK)
	await("edge-1", icinga.OK, "no other node is in its segments")
	eventually(t, "edge-2 has the service no more", func() bool {
		there, err := c.Exists(t.Context(), "edge-2", "Overlay")
		return err == nil && !there
	})
	x.told(t, "attach edge-2 to studio-a", door.OK)
	await("edge-1", icinga.OK, "1/1 pairs ok")
	await("edge-2", icinga.OK, "1/1 pairs ok")
	x.halt()
	await("edge-1", icinga.Unknown, "no report in time")
	await("edge-2", icinga.Unknown, "no report in time")
}
