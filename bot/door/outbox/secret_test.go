package outbox_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/outbox"
	"github.com/shitops/opsbot/bot/reply"
)

func code(id, text string) reply.Card {
	return reply.Card{ID: id, Kind: reply.Answer, Title: "type this on edge-1", Code: []string{text}, Private: true, Secret: true}
}

// TestSecretCardsAreNotStored: while the platform does not take them they wait in memory, and a crash loses them.
func TestSecretCardsAreNotStored(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		holds := func(when string) {
			t.Helper()
			entries, err := w.disk.Open(fake.Options{}).Bucket(store.Dedupe).List(context.Background(), "")
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if bytes.Contains(e.Value, []byte("s3cret")) {
					t.Errorf("%s the store holds the code: %s", when, e.Value)
				}
			}
		}
		w.wire.fails(func(string, string) error { return outbox.ErrNotSent })
		w.send("c", code("a", "s3cret-a"), code("b", "s3cret-b"))
		time.Sleep(time.Minute)
		holds("while it waits")
		w.wire.fails(nil)
		w.settle()
		var codes []string
		for _, m := range w.wire.all("c") {
			codes = append(codes, m.card.Code...)
		}
		slices.Sort(codes) // those that fail often let others go first
		if diff := cmp.Diff([]string{"s3cret-a", "s3cret-b"}, codes); diff != "" {
			t.Errorf("codes that are shown (-want +got):\n%s", diff)
		}
		holds("once it is shown")
		w.wire.fails(func(string, string) error { return outbox.ErrNotSent })
		w.send("c", code("c", "s3cret-c"), reply.Card{ID: "d", Kind: reply.Answer, Title: "an answer"})
		time.Sleep(time.Minute)
		w.crash()
		holds("after a crash")
		w.wire.fails(nil)
		w.start()
		w.settle()
		if got := w.wire.all("c"); len(got) != 3 || got[2].card.Title != "an answer" {
			t.Errorf("messages after the crash = %s; the secret one is to be asked for again", titles(got))
		}
	})
}

// TestSecretCardsStaySecret where the platform refuses them, and where their channel is gone.
func TestSecretCardsStaySecret(t *testing.T) {
	bubble(t, func(o *outbox.Options) {
		o.Elsewhere = func(p outbox.Place) (outbox.Place, bool) { return outbox.Place{Channel: "@" + p.Channel}, true }
	}, func(t *testing.T, w *world) {
		w.wire.refuse = "a"
		w.send("c", code("a", "s3cret-a"))
		w.settle()
		w.wire.refuse = ""
		w.wire.fails(func(_, channel string) error {
			if channel == "c" {
				return outbox.ErrGone
			}
			return nil
		})
		w.send("c", code("b", "s3cret-b"))
		w.settle()
		for _, m := range append(w.wire.all("c"), w.wire.all("@c")...) {
			if !m.card.Secret || !m.card.Private {
				t.Errorf("%q is shown to everybody", m.card.Title)
			}
		}
		if got := w.wire.all("@c"); len(got) != 1 || got[0].card.Code[0] != "s3cret-b" {
			t.Errorf("brought elsewhere: %s, want the code", titles(got))
		}
	})
}
