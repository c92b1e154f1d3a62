package bot

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/icinga/plugin"
)

// TestPluginGivesUp has a check that heeds its time and one that does not.
func TestPluginGivesUp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		check func(ctx context.Context, released <-chan struct{}) plugin.Result
		text  string
		after time.Duration
	}{
		{"it heeds its time", func(ctx context.Context, _ <-chan struct{}) plugin.Result {
			<-ctx.Done()
			return plugin.Failed("X", errors.New("the cache did not answer"))
		}, "X UNKNOWN: the cache did not answer\n", 8*time.Second - grace},
		{"it does not", func(_ context.Context, released <-chan struct{}) plugin.Result {
			<-released
			return plugin.Result{Name: "X"}
		}, "X UNKNOWN: there was no answer within 8s\n", 8 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				p := &program{stdout: &out}
				released := make(chan struct{})
				start := time.Now()
				err := p.plugin(t.Context(), "X", 8*time.Second, func(ctx context.Context) plugin.Result { return tt.check(ctx, released) })
				if took := time.Since(start); took != tt.after {
					t.Errorf("it took %s, want %s", took, tt.after)
				}
				close(released)
				var f *failure
				if !errors.As(err, &f) || f.exit != 3 || f.err != nil || out.String() != tt.text {
					t.Errorf("it ended with %v and printed %q, want a silent 3 and %q", err, &out, tt.text)
				}
			})
		})
	}
}

// TestPluginOfWhoIsGone keeps a result that nobody read from being a good one.
func TestPluginOfWhoIsGone(t *testing.T) {
	t.Parallel()
	p := &program{stdout: broken{}}
	var f *failure
	if err := p.result(plugin.Result{Name: "X"}); !errors.As(err, &f) || f.exit != 3 || !errors.Is(err, errBroken) {
		t.Errorf("result to a closed pipe = %v, want 3 and the reason", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestSpan(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"5m": 5 * time.Minute, "300": 5 * time.Minute, "0.5": 500 * time.Millisecond, "0": 0, "-1": -time.Second, "1h30m": 90 * time.Minute,
	} {
		var s span
		if err := s.Set(text); err != nil || time.Duration(s) != want {
			t.Errorf("Set(%q) = %v, %v, want %v", text, time.Duration(s), err, want)
		}
	}
	for _, text := range []string{"", "soon", "NaN", "Inf", "1e30", "5 m", strings.Repeat("9", 400)} {
		s := span(time.Minute)
		if err := s.Set(text); err == nil || s != span(time.Minute) {
			t.Errorf("Set(%.20q) = %v, %v, want an error and nothing changed", text, time.Duration(s), err)
		}
	}
}
