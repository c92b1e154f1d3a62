package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions/store"
)

// lived is a store with something of everything. It returns the sequence number of the message that waits.
func lived(t *testing.T, e *store.Engine) uint64 {
	t.Helper()
	ctx := t.Context()
	put := func(bucket, key, value string) uint64 {
		t.Helper()
		revision, err := e.Bucket(bucket).Create(ctx, key, []byte(value))
		if err != nil {
			t.Fatal(err)
		}
		return revision
	}
	for i := range 30 {
		put(store.Runs, fmt.Sprintf("r-%d", i), `{"state":"done"}`)
	}
	revision := put(store.Runs, "r-1.node.a", "<&>\u2028ü")
	if _, err := e.Bucket(store.Runs).Update(ctx, "r-1.node.a", []byte("newer"), revision); err != nil {
		t.Fatal(err)
	}
	put(store.Inventory, "binary", "\xff\xfe\x00")
	put(store.Desired, "empty", "")
	revision = put(store.Segments, "deleted", "x")
	if err := e.Bucket(store.Segments).Delete(ctx, "deleted", revision); err != nil {
		t.Fatal(err)
	}
	for key, ttl := range map[string]time.Duration{"soon": 2 * time.Second, "later": time.Hour} {
		if _, err := e.Bucket(store.Guards).CreateFor(ctx, key, []byte(key), ttl); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		if _, err := e.Log(store.Audit).Append(ctx, fmt.Sprint("a-", i), fmt.Append(nil, i), uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := e.Queue().Publish(ctx, "finished", []byte("f")); err != nil {
		t.Fatal(err)
	}
	got, err := e.Queue().Pull(ctx, 1)
	if err == nil {
		err = got[0].Ack(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	sequence, _, err := e.Queue().Publish(ctx, "waiting", []byte("w"))
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]time.Duration{"tomorrow": 24 * time.Hour, "cancelled": time.Hour} {
		if err := e.Timer().At(ctx, name, time.Now().Add(in), []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Timer().Cancel(ctx, "cancelled"); err != nil {
		t.Fatal(err)
	}
	return sequence
}

// contents is what callers see of a store, without revisions and times.
func contents(t *testing.T, e *store.Engine) []string {
	t.Helper()
	var all []string
	for _, name := range store.Buckets() {
		entries, err := e.Bucket(name).List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if name != store.Leaders && entry.Key != "soon" {
				all = append(all, fmt.Sprintf("%s/%s=%q", name, entry.Key, entry.Value))
			}
		}
	}
	for _, name := range store.Logs() {
		records, err := e.Log(name).Read(t.Context(), 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			all = append(all, fmt.Sprintf("%s/%d %s=%q", name, r.Sequence, r.ID, r.Data))
		}
	}
	return all
}

func export(t *testing.T, e *store.Engine) []byte {
	t.Helper()
	var out bytes.Buffer
	wrote, err := e.Export(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	read, err := store.Verify(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatalf("verify: %v\n%s", err, out.Bytes())
	}
	if wrote.SHA256 != read.SHA256 || wrote.Entries != read.Entries || wrote.Sections["bucket runs"] != read.Sections["bucket runs"] {
		t.Errorf("export says %d entries %s, verify %d %s", wrote.Entries, wrote.SHA256, read.Entries, read.SHA256)
	}
	return out.Bytes()
}

func TestExportImport(t *testing.T) {
	t.Parallel()
	old := open(t, store.Options{Dir: filepath.Join(t.TempDir(), "old")})
	waiting := lived(t, old)
	want := contents(t, old)
	oldRun, err := old.Bucket(store.Runs).Get(t.Context(), "r-1.node.a")
	if err != nil {
		t.Fatal(err)
	}
	text := export(t, old)
	shut(t, old)

	o := store.Options{Dir: filepath.Join(t.TempDir(), "new"), Log: quiet()}
	info, err := store.Import(t.Context(), o, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if info.From != old.Incarnation() {
		t.Errorf("import is from %+v, want %+v", info.From, old.Incarnation())
	}
	e := open(t, o)
	if diff := cmp.Diff(want, contents(t, e)); diff != "" {
		t.Errorf("contents after import: -want +got\n%s", diff)
	}
	if got := e.Incarnation(); got.Number != 2 || got.ID == old.Incarnation().ID {
		t.Errorf("incarnation after import = %+v, want number 2 and another id", got)
	}
	run, err := e.Bucket(store.Runs).Get(t.Context(), "r-1.node.a")
	if err != nil || run.Revision <= oldRun.Revision || !run.At.Equal(oldRun.At) {
		t.Errorf("imported key is at revision %d of %v (%v), want above %d and of %v", run.Revision, run.At, err, oldRun.Revision, oldRun.At)
	}
	importObserves(t, e, waiting)
}

// importObserves checks that nothing is delivered before a person said so, and what is then.
func importObserves(t *testing.T, e *store.Engine, waiting uint64) {
	t.Helper()
	observing, info, err := e.ObserveOnly(t.Context())
	if err != nil || !observing || !strings.Contains(info.Why, "import of") {
		t.Fatalf("observe-only after import = %v, %+v, %v", observing, info, err)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if got, err := e.Queue().Pull(short, 1); err == nil {
		t.Fatalf("observe-only delivers %s", got[0].ID())
	}
	pulled := make(chan store.Lease, 1)
	go func() {
		got, err := e.Queue().Pull(t.Context(), 1)
		if err != nil {
			t.Errorf("pull: %v", err)
		}
		pulled <- got[0]
	}()
	if err := e.LeaveObserveOnly(t.Context(), ""); err == nil {
		t.Error("left observe-only by nobody")
	}
	for range 2 {
		if err := e.LeaveObserveOnly(t.Context(), "kim"); err != nil {
			t.Fatal(err)
		}
	}
	if l := <-pulled; l.ID() != "waiting" || l.Sequence() != waiting || string(l.Data()) != "w" {
		t.Errorf("first message after leaving = %s, %d, %q; want waiting, %d, w", l.ID(), l.Sequence(), l.Data(), waiting)
	}
	if observing, info, err := e.ObserveOnly(t.Context()); observing || info.LeftBy != "kim" || err != nil {
		t.Errorf("observe-only after leaving = %v by %q, %v", observing, info.LeftBy, err)
	}
	if got, first, err := e.Queue().Publish(t.Context(), "waiting", nil); err != nil || first || got != waiting {
		t.Errorf("repeat of an imported id = %d, %v, %v; want %d, false", got, first, err, waiting)
	}
	if got, _, err := e.Queue().Publish(t.Context(), "new", nil); err != nil || got <= waiting {
		t.Errorf("next sequence = %d, %v; want above %d", got, err, waiting)
	}
	if got, err := e.Log(store.Audit).Append(t.Context(), "a-5", nil, 5); err != nil || got != 6 {
		t.Errorf("next record = %d, %v; want 6", got, err)
	}
}

// TestImportAgain imports an import: numbers of messages and records stay, and the second import goes above the first.
func TestImportAgain(t *testing.T) {
	t.Parallel()
	e := open(t, store.Options{Dir: filepath.Join(t.TempDir(), "0")})
	waiting := lived(t, e)
	want := contents(t, e)
	for i := range 2 {
		text := export(t, e)
		shut(t, e)
		o := store.Options{Dir: filepath.Join(t.TempDir(), fmt.Sprint(i+1)), Log: quiet()}
		if _, err := store.Import(t.Context(), o, bytes.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		e = open(t, o)
	}
	if diff := cmp.Diff(want, contents(t, e)); diff != "" {
		t.Errorf("contents after two imports: -want +got\n%s", diff)
	}
	if got := e.Incarnation().Number; got != 3 {
		t.Errorf("incarnation %d after two imports, want 3", got)
	}
	importObserves(t, e, waiting)
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	full := store.Options{Dir: filepath.Join(dir, "full"), Log: quiet()}
	e := open(t, full)
	text := export(t, e)
	if _, err := store.Import(t.Context(), full, bytes.NewReader(text)); !errors.Is(err, store.ErrLocked) {
		t.Errorf("import into an open store: %v, want ErrLocked", err)
	}
	shut(t, e)
	if _, err := store.Import(t.Context(), full, bytes.NewReader(text)); !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("import over a store: %v, want ErrNotEmpty", err)
	}
	damaged := store.Options{Dir: filepath.Join(dir, "damaged"), Log: quiet()}
	if _, err := store.Import(t.Context(), damaged, bytes.NewReader(text[:len(text)/2])); !errors.Is(err, store.ErrArchive) {
		t.Errorf("import of half an export: %v, want ErrArchive", err)
	}
	if _, err := os.Stat(damaged.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refused import left %s: %v", damaged.Dir, err)
	}
	// Wiped: the directory is gone, its marker is still there.
	if err := os.RemoveAll(full.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(full); !errors.Is(err, store.ErrEmpty) {
		t.Errorf("open after a wipe: %v, want ErrEmpty", err)
	}
	if err := os.RemoveAll(full.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Import(t.Context(), full, bytes.NewReader(text)); err != nil {
		t.Errorf("import after a wipe: %v", err)
	}
	if got := open(t, full).Incarnation().Number; got != 2 {
		t.Errorf("incarnation %d, want 2", got)
	}
}

// TestVerifyFindsDamage flips, cuts and repeats every line of an export.
func TestVerifyFindsDamage(t *testing.T) {
	t.Parallel()
	e := open(t, store.Options{Dir: filepath.Join(t.TempDir(), "store")})
	lived(t, e)
	text := export(t, e)
	lines := bytes.SplitAfter(text, []byte("\n"))
	lines = lines[:len(lines)-1]
	bad := func(what string, damaged []byte) {
		t.Helper()
		if _, err := store.Verify(bytes.NewReader(damaged)); !errors.Is(err, store.ErrArchive) {
			t.Errorf("%s: %v, want ErrArchive", what, err)
		}
	}
	bad("nothing", nil)
	bad("cut within the last line", text[:len(text)-1])
	for i := range lines {
		without := bytes.Join(append(append([][]byte{}, lines[:i]...), lines[i+1:]...), nil)
		bad(fmt.Sprintf("without line %d", i+1), without)
		twice := bytes.Join(append(append([][]byte{}, lines[:i+1]...), lines[i:]...), nil)
		bad(fmt.Sprintf("line %d twice", i+1), twice)
	}
	for i := 7; i < len(text); i += 97 {
		flipped := bytes.Clone(text)
		flipped[i] ^= 1
		if _, err := store.Verify(bytes.NewReader(flipped)); err == nil {
			t.Errorf("flipped bit at byte %d not found", i)
		}
	}
	newer := bytes.Replace(text, []byte(`"schema":1`), []byte(`"schema":99`), 1)
	if _, err := store.Verify(bytes.NewReader(newer)); !errors.Is(err, store.ErrSchema) {
		t.Errorf("newer export: %v, want ErrSchema", err)
	}
}

func FuzzVerify(f *testing.F) {
	for _, seed := range []string{"", "{}\n", `{"kind":"header","schema":1,"incarnation":{"number":1,"id":"x","created":"2026-01-02T03:04:05Z"}}` + "\n" + `{"kind":"section","section":"queue"}` + "\n" + `{"kind":"message","key":"a","revision":1,"base64":"//8="}` + "\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		sum, err := store.Verify(bytes.NewReader(text))
		if err == nil && (sum.Schema < 1 || sum.SHA256 == "") {
			t.Errorf("Verify(%q) = %+v without an error", text, sum)
		}
	})
}

func TestExportTo(t *testing.T) {
	t.Parallel()
	e := open(t, store.Options{Dir: filepath.Join(t.TempDir(), "store")})
	lived(t, e)
	folder := filepath.Join(t.TempDir(), "exports")
	if none, err := store.Exports(folder); err != nil || len(none) != 0 {
		t.Errorf("exports of no folder = %v, %v", none, err)
	}
	now := time.Date(2026, 3, 1, 3, 15, 0, 0, time.UTC)
	for i := range 5 {
		path, err := e.ExportTo(t.Context(), folder, now.Add(time.Duration(i)*24*time.Hour), 3)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := os.WriteFile(filepath.Join(folder, "opsbot-notes.jsonl"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("export %s: %v, %v, want mode 0600", path, info, err)
		}
	}
	all, err := store.Exports(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range all {
		names = append(names, filepath.Base(path))
	}
	if diff := cmp.Diff([]string{"opsbot-20260303T031500Z.jsonl", "opsbot-20260304T031500Z.jsonl", "opsbot-20260305T031500Z.jsonl"}, names); diff != "" {
		t.Errorf("kept exports: -want +got\n%s", diff)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 4 {
		t.Errorf("folder holds %d files, want three exports and the foreign file", len(entries))
	}
	if _, err := e.ExportTo(t.Context(), folder, now, 0); err == nil {
		t.Error("keep 0 = nil, want an error")
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.ExportTo(cancelled, folder, now, 3); err == nil {
		t.Error("cancelled export = nil, want an error")
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 4 {
		t.Errorf("a failed export left %d files, want 4", len(entries))
	}
}

// forge changes an export and puts its checksums right.
func forge(t *testing.T, text []byte, change func(string) string) []byte {
	t.Helper()
	changed := change(string(text))
	if changed == string(text) {
		t.Fatal("nothing was changed")
	}
	return store.Rewrite(t, strings.Split(strings.TrimSuffix(changed, "\n"), "\n"))
}
