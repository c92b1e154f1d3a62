package bot_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/door"
)

// TestNoRuleActsInADowntime: while work on an edge is announced, its problems call nobody and no rule treats them; when the downtime is ended in chat
// and the problem still stands, the rule does.
func TestNoRuleActsInADowntime(t *testing.T) {
	t.Parallel()
	s := startScene(t, "/ts/master.m3u8", seedRule)
	for _, path := range []string{"/ts/master.m3u8", "/ts/v0/index.m3u8", "/ts/v0/seg000.ts", "/ts/v0/seg001.ts", "/ts/v1/seg000.ts"} {
		s.etag(t, path)
	}
	s.expect(s.say("downtime edge-1 for 1h because new disks", withYes), door.OK, "in downtime until")
	s.origin.SetGeneration(5) // what the edge holds is stale now, so that a flush is the remedy
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go s.lower(ctx, "/ts/v0/seg000.ts?unique=%d")
	s.await(t, "the problem in Icinga2", func() bool {
		text, err := s.api(ctx, "/v1/objects/services?attrs=state&attrs=downtime_depth&attrs=name")
		return err == nil && strings.Contains(text, `"downtime_depth":1.0,"name":"Cache Hit Rate","state":1.0`) || strings.Contains(text, `"downtime_depth":1,"name":"Cache Hit Rate","state":1`)
	})
	pause(ctx, 8*time.Second) // a stream tells within 5 s
	if n := s.bans(t, "/do/0/edge-1"); n != 0 {
		t.Errorf("%d flushes in the downtime, want none:\n%s", n, s.feed())
	}
	if strings.Contains(s.feed(), "you are called") {
		t.Errorf("somebody was called in the downtime:\n%s", s.feed())
	}
	s.expect(s.say("end downtime of edge-1", withYes), door.OK, "of anna via opsbot")
	s.await(t, "the flush after the downtime", func() bool { return s.bans(t, "/do/0/edge-1") == 1 })
}
