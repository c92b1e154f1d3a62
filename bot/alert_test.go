package bot_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/lab"
	"github.com/shitops/opsbot/internal/secret"
)

// scene is the whole of it: a real origin, a real Varnish, a real Icinga2 with our kit, and the bot between them.
type scene struct {
	*edge
	*house
	icinga *lab.Icinga

	mu    sync.Mutex
	cards []reply.Card
}

// hmacKey signs the notifications of the test.
const hmacKey = "0123456789abcdef0123456789abcdef"

// startScene starts everything. master is the deployment's playlist; rules is the part of the configuration that holds rules and who is on call.
func startScene(t *testing.T, master, rules string) *scene {
	t.Helper()
	lab.Need(t, "icinga2")
	s := &scene{edge: startEdge(t, 1), icinga: lab.NewIcinga(t, lab.IcingaOptions{})}
	s.master = master
	dir := folder(t)
	write(t, filepath.Join(dir, "icinga.password"), s.icinga.Password)
	write(t, filepath.Join(dir, "hmac.key"), hmacKey)
	file := configure(t, dir, s.inventory()+fmt.Sprintf(`
icinga:
  url: %q
  user: %s
  password_file: icinga.password
  ca_file: %s
  server_name: %s
  notifications: [{name: icinga2, hmac: [{id: k1, secret_file: hmac.key}]}]
oncall: {order: [anna], escalate_after: 1m}
`, s.icinga.URL, s.icinga.User, s.icinga.CAFile, s.icinga.ServerName)+rules)
	rewriteFile(t, file, "serve: [ops]", "serve: [ops, hooks]")
	s.house = startIn(t, dir, file)
	feed := s.Feed(t.Context())
	go func() {
		for c := range feed {
			s.mu.Lock()
			s.cards = append(s.cards, c)
			s.mu.Unlock()
		}
	}()
	s.reloadIcinga(t)
	return s
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func rewriteFile(t testing.TB, file, old, new string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, strings.ReplaceAll(string(text), old, new))
}

// reloadIcinga gives Icinga2 our own kit, made fast, and the edge as a host of it.
func (s *scene) reloadIcinga(t *testing.T) {
	t.Helper()
	program, err := exec.LookPath("opsbot")
	if err != nil {
		t.Fatal(err)
	}
	files, err := icinga.KitFiles(icinga.KitOptions{
		Program: program, Config: s.file, Password: secret.New([]byte("kit-password-of-the-test")), Warning: "85:", Critical: "0:", Reminder: 4 * time.Second,
		NotifyArgs: []string{"--url", "http://" + s.HooksAddr() + "/icinga/notifications", "--key-id", "k1", "--key-file", filepath.Join(s.dir, "hmac.key"), "--spool", filepath.Join(s.dir, "spool")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		b.Write(files[name])
	}
	fast := strings.NewReplacer("check_interval = 1m", "check_interval = 1s", "retry_interval = 30s", "retry_interval = 1s", "max_check_attempts = 3", "max_check_attempts = 1")
	config := fast.Replace(b.String()) + fmt.Sprintf(`
object Host "edge-1" {
  import "opsbot-edge"
  check_command = "dummy"
  vars.dummy_state = 0
  vars.opsbot_window = "3s"
  vars.opsbot_min_requests = "50"
  vars.opsbot_warm_up = "0s"
  vars.opsbot_state_dir = %q
}
`, filepath.Join(s.dir, "state"))
	if err := s.icinga.Reload(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}

// lower asks for a URL of its own each time until ctx ends, so that the hit ratio falls. format has a number in it.
func (s *scene) lower(ctx context.Context, format string) {
	for n := 0; ctx.Err() == nil; n++ { // one connection each: Varnish tells the numbers of a busy one late
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.varnish[0].URL+fmt.Sprintf(format, n%4000), nil)
		if err != nil {
			return
		}
		req.Host, req.Close = s.origin.Address, true
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body) // what it says does not matter
			_ = resp.Body.Close()
		}
		pause(ctx, 5*time.Millisecond)
	}
}

// await waits until ok, and tells what it waited for when it never comes.
func (s *scene) await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for !ok() {
		if ctx.Err() != nil {
			t.Fatalf("%s never came; the cards:\n%s\nIcinga2:\n%s", what, s.feed(), last(s.icinga.Log(), 3000))
		}
		pause(ctx, 100*time.Millisecond)
	}
}

func last(text string, n int) string { return text[max(0, len(text)-n):] }

// feed renders the cards that everybody saw.
func (s *scene) feed() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, c := range s.cards {
		b.WriteString(reply.Text(c, reply.Style{Width: 200}))
	}
	return b.String()
}

// comments returns the comments that Icinga2 holds.
func (s *scene) comments(t *testing.T) string {
	t.Helper()
	out, err := s.api(t.Context(), "/v1/objects/comments")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// api reads from Icinga2 with curl's means alone, so that our own client is not its own witness.
func (s *scene) api(ctx context.Context, path string) (string, error) {
	out, err := exec.CommandContext(ctx, "curl", "-sS", "--cacert", s.icinga.CAFile, "--connect-to", s.icinga.ServerName+"::"+strings.TrimPrefix(s.icinga.URL, "https://"),
		"-u", s.icinga.User+":"+s.icinga.Password, "-H", "Accept: application/json", "https://"+s.icinga.ServerName+path).CombinedOutput()
	return string(out), err
}

const seedRule = `
rules:
  - name: flush-on-low-hit-rate
    when: {service: "Cache Hit Rate", state: [WARNING]}
    diagnose: cache.stale
    do: "flush {{node}} then prime {{deployments}} on {{node}} then verify {{deployments}} on {{node}}"
    guard: {cooldown: 30m, group: site, group_cooldown: 10m, at_most: 3, per: 24h, one_at_a_time: true, breaker: 2}
    enabled: true
`

// TestLowHitRateIsHealed is the seed's own story on the real servers: the plugin finds a low ratio, Icinga2 notifies, the rule diagnoses, the cache is
// flushed, primed and verified, Icinga2 gets the outcome as a comment, and the reminder calls a person instead of flushing again.
func TestLowHitRateIsHealed(t *testing.T) {
	t.Parallel()
	s := startScene(t, "/ts/master.m3u8", seedRule)
	for _, path := range []string{"/ts/master.m3u8", "/ts/v0/index.m3u8", "/ts/v0/seg000.ts", "/ts/v0/seg001.ts", "/ts/v1/seg000.ts"} {
		s.etag(t, path)
	}
	s.origin.SetGeneration(5) // what the edge holds is stale now, so that a flush is the remedy
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go s.lower(ctx, "/ts/v0/seg000.ts?unique=%d")
	s.await(t, "a run of the rule", func() bool { return strings.Contains(s.say("runs").text(), "flush-on-low-hit-rate") })
	s.await(t, "the end of the flush", func() bool { return strings.Contains(s.say("done runs").text(), "flush edge-1") })
	if n := s.bans(t, "/do/0/edge-1"); n != 1 {
		t.Errorf("%d flushes by the rule, want 1", n)
	}
	s.await(t, "the comment in Icinga2", func() bool { return strings.Contains(s.comments(t), "flush") })
	s.await(t, "the call after the reminder", func() bool { return strings.Contains(s.feed(), "anna, you are called") })
	if n := s.bans(t, "/do/0/edge-1"); n != 1 {
		t.Errorf("%d flushes after the reminder, want still 1", n)
	}
	s.expect(s.say("alerts"), door.OK, "Cache Hit Rate", "edge-1")
	s.expect(s.say("rules"), door.OK, "flush-on-low-hit-rate")
}

// TestDiagnosisThatDisagrees flushes nothing and tells a person why.
func TestDiagnosisThatDisagrees(t *testing.T) {
	t.Parallel()
	s := startScene(t, "/long/master.m3u8", seedRule)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go s.lower(ctx, "/long/v0/seg%d.ts")
	s.await(t, "word of the diagnosis", func() bool {
		return strings.Contains(s.feed(), "the diagnosis disagrees")
	})
	if n := s.bans(t, "/do/0/edge-1"); n != 0 {
		t.Errorf("%d flushes, want none:\n%s", n, s.feed())
	}
}

// TestPauseStopsItAll lets no rule act while automation is paused.
func TestPauseStopsItAll(t *testing.T) {
	t.Parallel()
	s := startScene(t, "/long/master.m3u8", seedRule)
	s.expect(s.say("stop everything"), door.OK, "pause")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go s.lower(ctx, "/long/v0/seg%d.ts")
	s.await(t, "word of the pause", func() bool { return strings.Contains(s.feed(), "pause") })
	if n := s.bans(t, "/do/0/edge-1"); n != 0 {
		t.Errorf("%d flushes while paused, want none:\n%s", n, s.feed())
	}
}
