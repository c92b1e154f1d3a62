package policy_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// TestReview lists what the language did not understand, by how often it was said, without who said it and without what policy refused.
func TestReview(t *testing.T) {
	t.Parallel()
	a := policy.NewAudit(fake.New().Open(fake.Options{}).Log(store.Audit))
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for i, e := range []policy.Entry{
		{Text: "kick old", Decision: policy.Refused, Why: "unknown"},
		{Text: "kick edge-1", Decision: policy.Refused, Why: "unknown"},
		{Text: "Kick  edge-1", Decision: policy.Unclear, Why: "flush or purge"},
		{Text: "flush", Decision: policy.Unclear, Why: "node is missing"},
		{Text: "flush edge-1", Intent: "cache.flush", Decision: policy.Refused, Why: "role viewer"},
		{Text: "flush edge-2", Intent: "cache.flush", Decision: policy.Accepted},
		{Decision: policy.Noted, Why: "started"},
	} {
		e.At, e.Actor = at.Add(time.Duration(i)*time.Hour), actions.Actor{Kind: actions.Person, Name: "anna"}
		if err := a.Append(context.Background(), e); err != nil {
			t.Fatal(err)
		}
	}
	got, err := a.Review(t.Context(), at.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	want := []policy.Misread{
		{Text: "Kick  edge-1", Decision: policy.Unclear, Why: "flush or purge", Times: 2, Last: at.Add(2 * time.Hour)},
		{Text: "flush", Decision: policy.Unclear, Why: "node is missing", Times: 1, Last: at.Add(3 * time.Hour)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("review (-want +got):\n%s", diff)
	}
}
