package alert_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/icinga"
)

// TestHistory: reports are read from a time on, once each however they came, with the problem that they belong to.
func TestHistory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := healthy()
		log, n := h.Log(store.Alerts), 0
		put := func(all ...icinga.Notification) {
			t.Helper()
			var batch []json.RawMessage
			for _, one := range all {
				data, err := json.Marshal(alert.NewStored(one, "", time.Now()))
				if err != nil {
					t.Fatal(err)
				}
				batch = append(batch, data)
			}
			record, err := alert.EncodeBatch(batch)
			if err != nil {
				t.Fatal(err)
			}
			n++
			if _, err := log.Append(t.Context(), fmt.Sprint(n), record, store.AnySequence); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
		}
		for i := range 40 { // of long ago
			put(notification("edge-9", icinga.TypeProblem, icinga.Warning, i))
		}
		from := time.Now()
		at := 100
		warning := notification("edge-1", icinga.TypeProblem, icinga.Warning, at)
		twin := warning
		twin.User = "ben"
		put(warning, twin) // one problem, two users
		critical := notification("edge-1", icinga.TypeProblem, icinga.Critical, at+2)
		put(critical)
		put(notification("edge-1", icinga.TypeRecovery, icinga.OK, at+4))
		again := notification("edge-1", icinga.TypeProblem, icinga.Warning, at+6)
		again.LastGood = again.ExecutionEnd.Add(-time.Minute)
		put(again)
		a := home(h, nil)
		got, err := a.History(t.Context(), from, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		began := func(minute int) int64 { return time.Date(2000, 1, 1, 0, minute, 0, 0, time.UTC).Unix() }
		want := []string{
			fmt.Sprintf("PROBLEM WARNING edge-1!s@%d", began(at)), fmt.Sprintf("PROBLEM CRITICAL edge-1!s@%d", began(at)),
			fmt.Sprintf("RECOVERY OK edge-1!s@%d", began(at)), fmt.Sprintf("PROBLEM WARNING edge-1!s@%d", began(at+6)),
		}
		var said []string
		for _, one := range got {
			said = append(said, one.Kind+" "+one.State+" "+one.Problem)
		}
		if diff := cmp.Diff(want, said); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
		if all, err := a.History(t.Context(), from.Add(-2*time.Hour), time.Now()); err != nil || len(all) != 44 {
			t.Errorf("from the beginning: %d, %v, want 44", len(all), err)
		}
		if none, err := home(healthy(), nil).History(t.Context(), from, time.Now()); err != nil || len(none) != 0 {
			t.Errorf("of an empty log: %v, %v", none, err)
		}
	})
}

// TestPerson: who is behind an author that Icinga2 shows.
func TestPerson(t *testing.T) {
	t.Parallel()
	for author, want := range map[string]string{"anna via opsbot": "anna", "anna": "anna", " via x": " via x", "a via b via opsbot": "a via b", "": ""} {
		if got := alert.Person(author); got != want {
			t.Errorf("Person(%q) = %q, want %q", author, got, want)
		}
	}
}
