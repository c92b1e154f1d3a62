package bot_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/ops"
)

// facts asks the listener for the facts until they are as wanted, or ten seconds are over.
func (h *house) facts(want map[string]float64) {
	h.tb.Helper()
	var got map[string]float64
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		var r ops.Report
		resp, err := http.Get("http://" + h.OpsAddr() + "/readyz?format=json")
		if err != nil {
			h.tb.Fatal(err)
		}
		err = json.NewDecoder(resp.Body).Decode(&r)
		_ = resp.Body.Close()
		if err != nil {
			h.tb.Fatal(err)
		}
		got = map[string]float64{}
		for _, f := range r.Facts {
			got[f.Name] = f.Value
		}
		same := true
		for name, value := range want {
			same = same && got[name] == value
		}
		if same {
			if age, ok := got["beat_age"]; !ok || age < 0 || age > 60 {
				h.tb.Errorf("beat_age = %v (told: %t), want seconds since a beat that is not old", age, ok)
			}
			return
		}
	}
	h.tb.Errorf("facts = %v, want %v", got, want)
}

// TestOpenRunsAreCounted from the first to the last, and again after a restart.
func TestOpenRunsAreCounted(t *testing.T) {
	t.Parallel()
	h := startHouse(t, twoPeople)
	h.facts(map[string]float64{"runs": 0, "waiting": 0, "doors": 0})
	run := h.expect(h.say("prime news on edge-1"), door.Temporary).last().Run
	h.facts(map[string]float64{"runs": 1, "waiting": 1})
	h.halt()
	h = startIn(t, h.dir, h.file)
	h.facts(map[string]float64{"runs": 1, "waiting": 1})
	h.expect(h.say("reject "+run, as("ben"), id("another")), door.OK)
	h.facts(map[string]float64{"runs": 0, "waiting": 0})
}
