package intents_test

import (
	"os"
	"testing"

	"github.com/shitops/opsbot/intents"
)

// TestLimitsBelongToTheModel holds the stored thresholds against those that are measured for the catalogue as it is now. Where they are out of date,
// the program measures them itself at its start, which takes longer: -update writes them anew.
func TestLimitsBelongToTheModel(t *testing.T) {
	c, err := intents.Load()
	if err != nil {
		t.Fatal(err)
	}
	got, err := intents.MeasureLimits(c)
	if err != nil {
		t.Fatal(err)
	}
	want := "# The thresholds of the classifier, and the model that they were measured for: go test ./intents -run TestLimits -update\n" + got.Thresholds.String()
	t.Logf("accuracy %.3f, to none %.3f, from none %.4f, kept %.3f, sure %.3f, leaked low %.4f, leaked high %.4f\n%s", got.Accuracy, got.ToNone, got.FromNone, got.Kept, got.Sure, got.LeakedLow, got.Leaked, want)
	if *update {
		if err := os.WriteFile("catalog/limits", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile("catalog/limits")
	if err != nil || string(have) != want {
		t.Errorf("catalog/limits is of another catalogue, refresh with -update (error %v):\n%s\nwant\n%s", err, have, want)
	}
}
