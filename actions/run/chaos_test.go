package run_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
)

// roleEnv makes the test binary one of the processes that are killed: "store" or "worker", at work in the folder of folderEnv.
const (
	roleEnv   = "OPSBOT_RUN_TEST_ROLE"
	folderEnv = "OPSBOT_RUN_TEST_FOLDER"
)

// lease is short, so that the chaos does not spend its time waiting for dead owners.
const lease = 2 * time.Second

func TestMain(m *testing.M) {
	folder := os.Getenv(folderEnv)
	var err error
	switch os.Getenv(roleEnv) {
	case "":
		goleak.VerifyTestMain(m)
	case "store":
		err = beStore(folder)
	case "worker":
		err = beWorker(folder)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func beStore(folder string) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	s, err := store.Open(store.Options{Dir: filepath.Join(folder, "data"), Log: log, Lease: lease})
	if err != nil {
		return err
	}
	path := filepath.Join(folder, "s")
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return lend(s, l)
}

func beWorker(folder string) error {
	e, err := run.New(run.Options{
		Store: borrow(filepath.Join(folder, "s")), Executors: map[string]run.Executor{"mark": mark{folder}}, Workers: 16, Lease: lease,
		Retry: run.Backoff{Tries: 12, First: 2 * time.Millisecond, Max: 50 * time.Millisecond},
	})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return e.Serve(context.Background())
}

// mark is an executor whose effects are files. The name of a file is the thing done, its content the idempotency key, and O_EXCL lets only
// one be the first: a second key for the same thing is a repeated effect.
type mark struct{ folder string }

// errRefused is why every fifth run has to be undone.
var errRefused = errors.New("refused")

func (x mark) Do(ctx context.Context, c run.Call) (run.Result, error) {
	if c.Step == 4 && c.Request.Has("fails") {
		return run.Result{}, errRefused
	}
	return run.Result{Say: "marked"}, x.act(ctx, c, "do")
}

func (x mark) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	if _, err := os.Stat(x.file(c, "do")); errors.Is(err, fs.ErrNotExist) {
		return run.Result{Say: "was not done"}, nil
	}
	return run.Result{Say: "unmarked"}, x.act(ctx, c, "undo")
}

func (x mark) file(c run.Call, verb string) string {
	return filepath.Join(x.folder, "effects", fmt.Sprintf("%s.%d.%s", c.Request.Cause, c.Step, verb))
}

// act leaves the file, with bad luck now and then.
func (x mark) act(ctx context.Context, c run.Call, verb string) error {
	pass(ctx, rand.N(4*time.Millisecond))
	luck := rand.IntN(100)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case luck < 5:
		return actions.Temporary{Err: errors.New("busy")}
	}
	if _, err := os.Stat(x.file(c, "undo")); err == nil && verb == "do" {
		return x.wrong("%s done after its undo", c.Key)
	}
	f, err := os.OpenFile(x.file(c, verb), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		if err := x.again(c, verb); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		if _, err := f.WriteString(c.Key); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	if luck < 9 {
		return actions.Temporary{Err: errors.New("reply lost")}
	}
	return nil
}

// again notes a call whose effect is there already. The file may be empty: its maker was killed before it wrote the key.
func (x mark) again(c run.Call, verb string) error {
	key, err := os.ReadFile(x.file(c, verb))
	if err != nil {
		return err
	}
	if len(key) > 0 && string(key) != c.Key {
		return x.wrong("%s repeats %s", c.Key, key)
	}
	return x.note("absorbed", c.Key)
}

func (x mark) wrong(format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	return errors.Join(errors.New(text), x.note("wrong", text))
}

// note appends a line to a file that all processes share; the kernel keeps short appends apart.
func (x mark) note(file, line string) error {
	f, err := os.OpenFile(filepath.Join(x.folder, file), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}

// victims are the processes of the chaos: the store first, then the workers.
type victims struct {
	t      *testing.T
	folder string
	procs  []*exec.Cmd
}

// start puts a process into a place and waits until it is ready.
func (v *victims) start(place int) {
	v.t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^$")
	role := "worker"
	if place == 0 {
		role = "store"
	}
	c.Env = append(os.Environ(), roleEnv+"="+role, folderEnv+"="+v.folder)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		v.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		v.t.Fatal(err)
	}
	v.procs[place] = c
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		v.t.Fatalf("%s: %q, %v", role, line, err)
	}
}

// kill ends a process as kill -9 does.
func (v *victims) kill(place int) {
	v.t.Helper()
	if err := v.procs[place].Process.Kill(); err != nil {
		v.t.Error(err)
	}
	_ = v.procs[place].Wait() // it says that it was killed
}

// TestKilledProcesses is the crash proof on the real store: several workers and the store are killed at random while runs of six steps are carried
// out, of which a fifth has to be undone, with transient errors and lost replies. In the end every effect is there once, and no other.
func TestKilledProcesses(t *testing.T) {
	runs, kills, workers := 60, 5, 3
	if os.Getenv("OPSBOT_SOAK") == "1" {
		runs, kills = 600, 50
	}
	folder, err := os.MkdirTemp("", "chaos") // short: the path of a socket has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) }) // best effort, as t.TempDir
	if err := os.Mkdir(filepath.Join(folder, "effects"), 0o700); err != nil {
		t.Fatal(err)
	}
	v := &victims{t: t, folder: folder, procs: make([]*exec.Cmd, 1+workers)}
	for place := range v.procs {
		v.start(place)
	}
	defer func() {
		for place := range v.procs {
			v.kill(place)
		}
	}()
	client := borrow(filepath.Join(folder, "s"))
	e, err := run.New(run.Options{Store: client, Executors: map[string]run.Executor{"mark": mark{folder}}})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	var wg sync.WaitGroup
	ids := make([]string, runs)
	wg.Go(func() {
		for i := range ids {
			ids[i] = accept(t, e, i)
			pass(t.Context(), rand.N(2*time.Duration(kills)*200*time.Millisecond/time.Duration(runs)))
		}
	})
	rnd, ofStore := rand.New(rand.NewPCG(2, uint64(kills))), 0
	for range kills {
		pass(t.Context(), 20*time.Millisecond+time.Duration(rnd.IntN(360))*time.Millisecond)
		place := rnd.IntN(len(v.procs))
		if place == 0 {
			ofStore++
		}
		v.kill(place)
		v.start(place)
	}
	wg.Wait()
	c := census{t: t, folder: folder}
	for i, id := range ids {
		c.check(i, ended(t, e, id))
	}
	t.Logf("%d runs in %s, %d kills (%d of the store): %d done, %d undone, %d taken over by another owner (highest epoch %d), %d repeated calls absorbed",
		runs, time.Since(start).Round(time.Millisecond), kills, ofStore, c.done, c.undone, c.resumed, c.epoch, c.lines("absorbed"))
	if n := c.lines("wrong"); n > 0 {
		text, _ := os.ReadFile(filepath.Join(folder, "wrong"))
		t.Errorf("%d wrong effects:\n%s", n, text)
	}
	if want := runs / 5; c.undone != want || c.done != runs-want {
		t.Errorf("%d done and %d undone, want %d and %d", c.done, c.undone, runs-want, want)
	}
	if c.files != c.expected {
		t.Errorf("%d effects expected, %d are there", c.expected, c.files)
	}
}

// accept has a run accepted, now and then twice, whatever happens to the store meanwhile.
func accept(t *testing.T, e *run.Engine, i int) string {
	steps := make([]actions.Step, 6)
	for s := range steps {
		steps[s] = actions.Step{Kind: "mark", Key: fmt.Sprintf("%d/%d", i, s), Say: "mark"}
	}
	p := plan(fmt.Sprintf("run%d", i), actions.Group{Steps: steps})
	if i%5 == 0 {
		p.Request.Options = map[string]string{"fails": "true"}
	}
	id := ""
	for range 1 + i%2 {
		for {
			got, _, err := e.Accept(t.Context(), p)
			if err == nil {
				if id != "" && got != id {
					t.Errorf("run %d was accepted as %s and as %s", i, id, got)
				}
				id = got
				break
			}
			if !errors.Is(err, store.ErrUnknown) {
				t.Errorf("accept run %d: %v", i, err)
				return id
			}
		}
	}
	return id
}

// ended waits for the end of a run. It looks again and again, since the client serves no feed.
func ended(t *testing.T, e *run.Engine, id string) actions.Run {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		r, err := e.Get(t.Context(), id)
		if err == nil && r.State.Final() {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is %s, epoch %d, %v: not over in time", id, r.State, r.Epoch, err)
		}
		pass(t.Context(), 20*time.Millisecond)
	}
}

// census counts what has happened and holds it against what should have.
type census struct {
	t                     *testing.T
	folder                string
	done, undone, resumed int
	epoch                 uint64
	files, expected       int
}

func (c *census) check(i int, r actions.Run) {
	c.t.Helper()
	switch r.State {
	case actions.Done:
		c.done++
	case actions.Undone:
		c.undone++
	default:
		c.t.Errorf("run %d ended as %s: %s", i, r.State, r.Why)
	}
	if r.Epoch > 1 {
		c.resumed++
	}
	c.epoch = max(c.epoch, r.Epoch)
	for s := range 6 {
		for _, verb := range []string{"do", "undo"} {
			want := verb == "do" && (r.State == actions.Done || s < 4) || verb == "undo" && r.State == actions.Undone && s < 4
			_, err := os.Stat(filepath.Join(c.folder, "effects", fmt.Sprintf("run%d.%d.%s", i, s, verb)))
			if got := err == nil; got != want {
				c.t.Errorf("run %d (%s, epoch %d): effect %s of step %d is there: %v, want %v", i, r.State, r.Epoch, verb, s, got, want)
			}
			if want {
				c.expected++
			}
			if err == nil {
				c.files++
			}
		}
	}
}

// lines counts the lines of a shared file.
func (c *census) lines(file string) int {
	text, err := os.ReadFile(filepath.Join(c.folder, file))
	if err != nil {
		return 0 // nobody had anything to note
	}
	return strings.Count(string(text), "\n")
}
