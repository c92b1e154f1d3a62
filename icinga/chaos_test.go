package icinga_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"

	"github.com/shitops/opsbot/icinga"
)

// TestChaos comments and acknowledges through a line that loses requests, loses answers and says "later", at random and with a fixed seed. Whoever
// gets an error calls again, as a run does after a crash. In the end there is one comment of each marker.
func TestChaos(t *testing.T) {
	t.Parallel()
	count := 12
	if os.Getenv("OPSBOT_SOAK") == "1" {
		count = 300
	}
	direct, host := claim(t)
	var mu sync.Mutex
	dice := rand.New(rand.NewPCG(17, 3))
	fates := map[string]int{}
	line, c := before(t, shared(t), func(w http.ResponseWriter, r *http.Request, _ int, daemon http.Handler) {
		mu.Lock()
		fate := [...]string{"well", "well", "lost request", "lost answer", "later"}[dice.IntN(5)]
		fates[fate]++
		mu.Unlock()
		switch fate {
		case "well":
			daemon.ServeHTTP(w, r)
		case "lost request":
			cutOff(w)
		case "lost answer":
			daemon.ServeHTTP(httptest.NewRecorder(), r)
			cutOff(w)
		case "later":
			http.Error(w, `{"error":503,"status":"Icinga is reloading."}`, http.StatusServiceUnavailable)
		}
	})
	report(t, direct, host, "slow", 0)
	report(t, direct, host, "slow", 2)
	insist := func(what string, call func() error) {
		for range 20 {
			err := call()
			if err == nil {
				return
			}
			if !icinga.Temporary(err) {
				t.Errorf("%s = %v, want temporary errors alone", what, err)
				return
			}
		}
		t.Errorf("%s did not succeed in 20 calls", what)
	}
	var wg sync.WaitGroup
	for n := range count {
		wg.Go(func() {
			insist("AddComment", func() error {
				return c.AddComment(t.Context(), host, hitRate, icinga.Comment{Author: "opsbot", Text: "flushed", Marker: fmt.Sprintf("r-%d/1", n)})
			})
		})
	}
	wg.Go(func() {
		insist("Acknowledge", func() error {
			return c.Acknowledge(t.Context(), host, "slow", icinga.Ack{Author: "anna", Comment: "on it"})
		})
	})
	wg.Wait()
	got, err := icinga.CountComments(t.Context(), direct, host, hitRate)
	if err != nil || got != count {
		t.Errorf("%d comments, %v; want %d, one of each marker, after %d posts", got, err, count, line.count("/v1/actions/add-comment"))
	}
	if !object(t, direct, host, "slow").Acknowledged {
		t.Error("it is not acknowledged")
	}
	t.Log("what happened on the line:", fates)
}
