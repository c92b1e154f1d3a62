package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// streamDir is where the server keeps the files of a stream.
func streamDir(o store.Options, stream string) string {
	return filepath.Join(o.Dir, "jetstream", "$G", "streams", stream)
}

// used makes a store that was used and closed.
func used(t *testing.T) store.Options {
	t.Helper()
	o := store.Options{Dir: filepath.Join(t.TempDir(), "store"), Log: quiet()}
	e := open(t, o)
	lived(t, e)
	shut(t, e)
	return o
}

// TestEmptyIsRefused is rule 2: a store that lost its data opens without an error, so a second witness has to tell it from a first start.
func TestEmptyIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lose func(t *testing.T, o store.Options)
		want string
	}{
		"directory gone": {func(t *testing.T, o store.Options) { remove(t, o.Dir) }, "runs-0 (missing)"},
		"stream gone":    {func(t *testing.T, o store.Options) { remove(t, streamDir(o, "vnis")) }, ": vnis (missing)"},
		"blocks gone": {func(t *testing.T, o store.Options) {
			remove(t, filepath.Join(streamDir(o, "inventory"), "msgs"))
		}, ": inventory (empty)"},
		"log gone": {func(t *testing.T, o store.Options) { remove(t, streamDir(o, "AUDIT")) }, ": AUDIT (missing)"},
		"of another store": {func(t *testing.T, o store.Options) {
			other := used(t)
			remove(t, streamDir(o, "segments"))
			if err := os.CopyFS(streamDir(o, "segments"), os.DirFS(streamDir(other, "segments"))); err != nil {
				t.Fatal(err)
			}
		}, ": segments (of incarnation 1)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := used(t)
			test.lose(t, o)
			_, err := store.Open(o)
			if !errors.Is(err, store.ErrEmpty) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "import the last export") {
				t.Fatalf("Open = %v, want ErrEmpty with %q and what to do", err, test.want)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func TestAcceptEmpty(t *testing.T) {
	t.Parallel()
	o := used(t)
	remove(t, streamDir(o, "RUNS"))
	remove(t, filepath.Join(streamDir(o, "inventory"), "msgs"))
	o.AcceptEmpty = true
	e := open(t, o)
	if observing, info, err := e.ObserveOnly(t.Context()); err != nil || !observing || !strings.Contains(info.Why, "RUNS (missing)") {
		t.Errorf("after a loss: observe-only %v because of %q, %v; want true because of RUNS", observing, info.Why, err)
	}
	if got := e.Incarnation().Number; got != 2 {
		t.Errorf("incarnation %d, want 2", got)
	}
	if sequence, _, err := e.Queue().Publish(t.Context(), "x", nil); err != nil || sequence < 1_000_000_000 {
		t.Errorf("first sequence after a loss = %d, %v; want far above the old ones", sequence, err)
	}
	if _, err := e.Bucket(store.Runs).Get(t.Context(), "r-1"); err != nil {
		t.Errorf("what was not lost: %v", err)
	}
	if _, err := e.Bucket(store.Inventory).Create(t.Context(), "new", nil); err != nil {
		t.Error(err)
	}
	shut(t, e)
	o.AcceptEmpty = false
	shut(t, open(t, o))
}

func TestMarker(t *testing.T) {
	t.Parallel()
	o := used(t)
	marker := o.Dir + ".genesis"
	good, err := os.ReadFile(marker)
	if err != nil {
		t.Fatal(err)
	}
	remove(t, marker)
	shut(t, open(t, o)) // the data itself is witness enough
	if again, err := os.ReadFile(marker); err != nil || !bytes.Equal(good, again) {
		t.Errorf("marker written anew = %s, %v; want %s", again, err, good)
	}
	for text, want := range map[string]error{
		strings.Replace(string(good), `"schema":1`, `"schema":2`, 1): store.ErrSchema,
		"{}":   nil,
		"":     nil,
		"\xff": nil,
	} {
		if err := os.WriteFile(marker, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(o); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("Open with marker %q = %v, want an error (%v)", text, err, want)
		}
	}
	remove(t, marker)
	remove(t, streamDir(o, "meta"))
	if _, err := store.Open(o); !errors.Is(err, store.ErrEmpty) {
		t.Errorf("Open of data without marker and meta = %v, want ErrEmpty", err)
	}
}

// TestCutOffFirstStart repeats a first start that ended at any point before its last file.
func TestCutOffFirstStart(t *testing.T) {
	t.Parallel()
	o := store.Options{Dir: filepath.Join(t.TempDir(), "store"), Log: quiet()}
	shut(t, open(t, o))
	remove(t, o.Dir+".genesis")
	remove(t, streamDir(o, "meta"))
	remove(t, streamDir(o, "runs-2"))
	e := open(t, o)
	if got := e.Incarnation().Number; got != 1 {
		t.Errorf("incarnation %d, want 1", got)
	}
	lived(t, e)
}

// TestFlippedBit is rule 7: the server drops what follows a damaged record without an error to anyone.
func TestFlippedBit(t *testing.T) {
	t.Parallel()
	o := store.Options{Dir: filepath.Join(t.TempDir(), "store"), Log: quiet()}
	e := open(t, o)
	for i := range 1000 {
		if _, err := e.Bucket(store.Observed).Create(t.Context(), fmt.Sprintf("k-%04d", i), make([]byte, 300)); err != nil {
			t.Fatal(err)
		}
	}
	text := export(t, e)
	if check, err := e.CheckAgainst(t.Context(), bytes.NewReader(text)); err != nil || len(check.Missing) != 0 || check.Entries != 1000 {
		t.Errorf("check of an undamaged store = %+v, %v; want 1000 entries and nothing missing", check, err)
	}
	shut(t, e)
	flipBit(t, filepath.Join(streamDir(o, "observed"), "msgs", "1.blk"))
	e = open(t, o)
	check, err := e.CheckAgainst(t.Context(), bytes.NewReader(text))
	if err != nil || len(check.Missing) == 0 || !strings.HasPrefix(check.Missing[0], "observed/k-0") || !strings.Contains(check.Missing[0], "(revision ") {
		t.Errorf("check after a flipped bit = %d missing %.200v, %v; want keys of observed", len(check.Missing), check.Missing, err)
	}
	t.Logf("one flipped bit: %d keys gone", len(check.Missing))
}

// flipBit damages the middle of a file.
func flipBit(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCheckAgainst(t *testing.T) {
	t.Parallel()
	o := store.Options{Dir: filepath.Join(t.TempDir(), "store"), Log: quiet()}
	e := open(t, o)
	lived(t, e)
	text := export(t, e)
	// What happens in a day of work is no loss.
	runs := e.Bucket(store.Runs)
	all, err := runs.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runs.Update(t.Context(), all[0].Key, nil, all[0].Revision); err != nil {
		t.Fatal(err)
	}
	if err := runs.Delete(t.Context(), all[1].Key, all[1].Revision); err != nil {
		t.Fatal(err)
	}
	if err := e.Timer().Cancel(t.Context(), "tomorrow"); err != nil {
		t.Fatal(err)
	}
	got, err := e.Queue().Pull(t.Context(), 1)
	if err == nil {
		err = got[0].Ack(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if check, err := e.CheckAgainst(t.Context(), bytes.NewReader(text)); err != nil || len(check.Missing) != 0 || check.Skipped != "" {
		t.Errorf("check after a day of work = %+v, %v; want nothing missing", check, err)
	}
	if _, err := e.CheckAgainst(t.Context(), bytes.NewReader(text[:100])); !errors.Is(err, store.ErrArchive) {
		t.Errorf("check against half an export: %v, want ErrArchive", err)
	}
	// A key whose stream never heard of it is lost.
	forged := forge(t, text, func(s string) string { return strings.Replace(s, `"key":"r-3"`, `"key":"r-31"`, 1) })
	if check, err := e.CheckAgainst(t.Context(), bytes.NewReader(forged)); err != nil || len(check.Missing) != 1 || !strings.HasPrefix(check.Missing[0], "runs/r-31 (revision ") {
		t.Errorf("check for a key that never was = %+v, %v; want runs/r-31", check, err)
	}
	forged = forge(t, text, func(s string) string { return strings.Replace(s, `"text":"4"`, `"text":"5"`, 1) })
	if _, err := e.CheckAgainst(t.Context(), bytes.NewReader(forged)); err != nil {
		t.Error(err)
	}
	old := forge(t, text, func(s string) string {
		return strings.Replace(s, time.Now().UTC().Format(`"at":"2006-`), `"at":"2001-`, 1)
	})
	if check, err := e.CheckAgainst(t.Context(), bytes.NewReader(old)); err != nil || !strings.Contains(check.Skipped, "older than") {
		t.Errorf("check against an old export = %+v, %v; want skipped", check, err)
	}
	shut(t, e)
	other := store.Options{Dir: filepath.Join(t.TempDir(), "other"), Log: quiet()}
	if _, err := store.Import(t.Context(), other, bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	if check, err := open(t, other).CheckAgainst(t.Context(), bytes.NewReader(text)); err != nil || !strings.Contains(check.Skipped, "incarnation 1") {
		t.Errorf("check against an export of another incarnation = %+v, %v; want skipped", check, err)
	}
}
