package discord_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/door/discord"
	"github.com/shitops/opsbot/bot/reply"
	fake "github.com/shitops/opsbot/fixtures/discord"
)

// commands is how many the chaos is about; OPSBOT_SOAK=1 takes all.
func commands() int {
	if os.Getenv("OPSBOT_SOAK") == "1" {
		return 200
	}
	return 20
}

// TestChaos disconnects, throttles, loses answers and duplicates while people give commands: each has one effect and one final answer.
func TestChaos(t *testing.T) {
	transports(t, func(t *testing.T, b *bench) {
		over, harming := make(chan struct{}), sync.WaitGroup{}
		harming.Go(func() { b.harm(rand.New(rand.NewPCG(6, 2026)), over) })
		var people sync.WaitGroup
		turns := make(chan struct{}, 10)
		for n := range commands() {
			turns <- struct{}{}
			time.Sleep(100 * time.Millisecond) // so that the harm meets them all
			people.Go(func() {
				defer func() { <-turns }()
				b.command(n)
			})
		}
		people.Wait()
		close(over)
		harming.Wait()
		b.s.Twice(false)
		b.s.Heal()
		for n := range commands() {
			b.sees(ben, channel, fmt.Sprintf("r-%d: done\n", n))
		}
		b.stop()
		for n := range commands() {
			text := fmt.Sprintf("run r-%d", n)
			if got := b.desk.times(text); got != 1 {
				t.Errorf("%q had %d effects, want 1", text, got)
			}
			if got := messagesWith(b, channel, fmt.Sprintf("r-%d: ", n)); countOwn(got) != 1 {
				t.Errorf("run r-%d has %d messages, want 1: %v", n, countOwn(got), got)
			}
		}
	})
}

// command gives the n-th command in one of the ways people have, and once more where the platform would.
func (b *bench) command(n int) {
	text := fmt.Sprintf("run r-%d", n)
	if n%3 == 0 && mode(b) == "gateway" {
		id := b.s.Say(anna, channel, "<@"+fake.BotUser+"> "+text, fake.Said{})
		if n%2 == 0 {
			b.s.Say(anna, channel, "<@"+fake.BotUser+"> "+text, fake.Said{ID: id})
		}
		return
	}
	i, err := b.s.Slash(anna, channel, "opsbot", map[string]any{"text": text})
	if err != nil {
		b.t.Error(err)
		return
	}
	if n%2 == 0 {
		b.s.Again(i)
	}
	_, _ = i.Acked(b.ctx()) // what came while the gateway was away is acknowledged too late, and done all the same
}

// harm does harm until over.
func (b *bench) harm(rng *rand.Rand, over <-chan struct{}) {
	all := []func(){
		b.s.Drop,
		b.s.Reconnect,
		func() { b.s.CloseWith(4000) },
		func() { b.s.Twice(rng.IntN(2) == 0) },
		func() {
			b.s.Fail(fake.Fault{Path: regexp.MustCompile("messages"), Times: 1 + rng.IntN(3), Status: http.StatusTooManyRequests, Retry: 200 * time.Millisecond, Global: rng.IntN(3) == 0})
		},
		func() {
			b.s.Fail(fake.Fault{Path: regexp.MustCompile("messages|callback"), Times: 1 + rng.IntN(3), Status: http.StatusBadGateway, After: rng.IntN(2) == 0})
		},
		func() {
			b.s.Fail(fake.Fault{Path: regexp.MustCompile("messages|callback"), Times: 1, Status: 0, After: rng.IntN(2) == 0})
		},
		func() { b.s.Fail(fake.Fault{Times: 2, Status: http.StatusOK, Wait: 100 * time.Millisecond}) },
	}
	for {
		select {
		case <-over:
			return
		case <-time.After(time.Duration(150+rng.IntN(250)) * time.Millisecond):
			b.s.Heal() // one fault at a time, or an outage would be played
			all[rng.IntN(len(all))]()
		}
	}
}

// TestStorm tells of 500 problems at once while the platform takes one message a second: it is not flooded, and what stands where can be read.
func TestStorm(t *testing.T) {
	t.Parallel()
	b := open(t, "http", func(o *fake.Options) { o.Limits = fake.Limits{} }, nil)
	for n := range 500 {
		c := reply.Card{ID: fmt.Sprintf("incident/%d", n), Kind: reply.Failed, Title: fmt.Sprintf("edge-%d is down", n)}
		if err := b.door.Tell(b.ctx(), c); err != nil {
			t.Fatal(err)
		}
	}
	b.until("one message tells where those stand that wait", func() bool {
		return slices.ContainsFunc(b.s.Messages(alerts), func(m fake.Message) bool {
			return strings.Contains(m.Text(), "messages wait") && strings.Contains(m.Text(), "edge-30 is down")
		})
	})
	refused, posts := 0, 0
	for _, c := range b.s.Calls("", "/channels/"+alerts) {
		if c.Status == http.StatusTooManyRequests {
			refused++
		}
		if c.Method == http.MethodPost {
			posts++
		}
	}
	if refused > 3 {
		t.Errorf("%d calls were refused for their number", refused)
	}
	if posts > 60 {
		t.Errorf("%d messages were made while the limit is 1 a second", posts)
	}
}

// TestManyRuns has many runs report at once, by many people in one channel: the platform refuses next to nothing, and five seconds after the end
// all can be read.
func TestManyRuns(t *testing.T) {
	// Not beside other tests: how long it takes is what it is about.
	for _, mode := range []discord.Mode{discord.Gateway, discord.HTTP} {
		b := open(t, mode, nil, nil)
		runs := commands() * 5
		var people sync.WaitGroup
		turns := make(chan struct{}, 100)
		for n := range runs {
			turns <- struct{}{}
			people.Go(func() {
				defer func() { <-turns }()
				b.slash(anna, channel, fmt.Sprintf("run r-%d", n))
			})
		}
		people.Wait()
		b.until("the desk is through", func() bool { return b.count("closed") == runs })
		ended := time.Now()
		for len(messagesWith(b, channel, ": done\n")) < runs && time.Since(ended) < 20*time.Second {
			time.Sleep(100 * time.Millisecond) // looking more often would take the machine from those who are looked at
		}
		if took := time.Since(ended); took > 5*time.Second {
			t.Errorf("the last of %d ends was shown after %s, want 5 s at most", runs, took)
		}
		refused := 0
		for _, c := range b.s.Calls("", "/") {
			if c.Status == http.StatusTooManyRequests {
				refused++
			}
		}
		if refused > 0 {
			t.Errorf("%d calls were refused for their number", refused)
		}
		for _, m := range b.s.Messages(channel) {
			if m.Edits > 3 {
				t.Errorf("message %s was edited %d times within some seconds", m.ID, m.Edits)
			}
		}
		b.stop()
	}
}
