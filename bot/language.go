package bot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/teach"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/intents"
)

// The most that a folder of examples may hold.
const (
	examplesMost = 5000
	exampleFile  = 1 << 20 // bytes
)

// language keeps the catalogue that is in use: the built-in one and what operators add to it. It is safe for concurrent use.
//
// Training takes a moment, seconds on a busy machine, and a lesson is looked at four times: when it is planned, when somebody agrees, at its step and
// when it counts. So the newest catalogues are kept, and it is trained once; the one before is there still when the lesson is undone.
type language struct {
	training sync.Mutex // held by who trains: two at once would both be slower

	mu      sync.Mutex
	trained []catalogue // newest first
	used    *intents.Catalog
}

// catalogue is what came of some examples.
type catalogue struct {
	extra   []intents.Extra
	catalog *intents.Catalog
}

// mostTrained is how many catalogues are kept: the one in use, and those that two people think about.
const mostTrained = 3

// with returns the catalogue with the examples, and takes it into use.
func (l *language) with(extra []intents.Extra) (*intents.Catalog, error) {
	c, err := l.try(extra)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used = c
	return c, nil
}

// try returns the catalogue with the examples, the same one while they are the same, or why they are no good.
func (l *language) try(extra []intents.Extra) (*intents.Catalog, error) {
	if c := l.find(extra); c != nil {
		return c, nil
	}
	l.training.Lock()
	defer l.training.Unlock()
	if c := l.find(extra); c != nil { // who trained meanwhile had the same
		return c, nil
	}
	c, err := intents.LoadWith(extra...)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trained = slices.Insert(l.trained, 0, catalogue{slices.Clone(extra), c})
	l.trained = l.trained[:min(len(l.trained), mostTrained)]
	return c, nil
}

// find returns the catalogue that was made of the examples, nil where it is not kept, and keeps it longer.
func (l *language) find(extra []intents.Extra) *intents.Catalog {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.trained, func(c catalogue) bool { return slices.Equal(c.extra, extra) })
	if i < 0 {
		return nil
	}
	found := l.trained[i]
	l.trained = slices.Insert(slices.Delete(l.trained, i, i+1), 0, found)
	return found.catalog
}

// inUse returns the catalogue that is in use, nil before the first.
func (l *language) inUse() *intents.Catalog {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.used
}

// readExamples reads a folder of operators' phrases: one file an intent, a phrase a line. Every mistake is reported at once.
func readExamples(folder string) ([]intents.Extra, error) {
	if folder == "" {
		return nil, nil
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil {
		return nil, fmt.Errorf("language.examples: %w", err)
	}
	if _, err := os.Stat(folder); err != nil {
		return nil, fmt.Errorf("language.examples: %w", err)
	}
	slices.Sort(files)
	var out []intents.Extra
	var mistakes []error
	for _, file := range files {
		some, err := readExampleFile(file)
		mistakes = append(mistakes, err)
		if out = append(out, some...); len(out) > examplesMost {
			return nil, fmt.Errorf("language.examples: %s holds more than %d phrases", folder, examplesMost)
		}
	}
	return out, errors.Join(mistakes...)
}

func readExampleFile(file string) ([]intents.Extra, error) {
	info, err := os.Stat(file)
	if err == nil && (info.Size() > exampleFile || info.Mode()&fs.ModeType != 0) {
		err = fmt.Errorf("%s is no file of phrases, or has more than %d bytes", file, exampleFile)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("language.examples: %w", err)
	}
	intent := strings.TrimSuffix(filepath.Base(file), ".txt")
	var out []intents.Extra
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "~"))
		if line == "" || line[0] == '#' {
			continue
		}
		out = append(out, intents.Extra{Text: line, Intent: intent, From: fmt.Sprintf("%s:%d", filepath.Base(file), n)})
	}
	return out, nil
}

// extras are the examples of the folder and what was taught.
func extras(folder []intents.Extra, taught []teach.Taught) []intents.Extra {
	out := slices.Clone(folder)
	for _, t := range taught {
		out = append(out, intents.Extra{Text: t.Phrase, Intent: t.Intent, From: "taught by " + t.By})
	}
	return out
}

// openLanguage knows what was taught.
func (a *App) openLanguage(ctx, work context.Context, _ *config.Config) error {
	t, err := teach.New(teach.Options{
		KV: a.store.Bucket(store.Inventory), Lint: a.lintTaught, Shape: a.shapeTaught, Changed: a.nodesChanged, Log: a.log.With("room", "teach"),
	})
	if err != nil {
		return err
	}
	if err := t.Load(ctx); err != nil {
		return err
	}
	a.teacher = t
	follow, stop := context.WithCancel(work)
	a.working.Go(func() { a.untilStopped("what is taught", follow, t.Run) })
	a.own("language", func(context.Context) error { stop(); return nil })
	return nil
}

// shapeTaught puts a hole in place of each name of a phrase. What is a command already need not be taught.
func (a *App) shapeTaught(text string) (string, error) {
	v := a.desk.view.Load()
	u := intents.Utterance{Text: text, Now: time.Now(), Zone: v.Zone, Door: intents.DoorTerminal, Exact: true}
	if p := v.Parser.Parse(u); p.Decision == intents.Act || p.Decision == intents.Confirm {
		return "", fmt.Errorf("it is a command already: %s", p.Commands[0].Canonical())
	}
	return v.Parser.Holes(u)
}

// lintTaught tells why phrases may not be taught beside those of the folder.
func (a *App) lintTaught(_ context.Context, all []teach.Taught) error {
	folder, err := readExamples(a.config.Load().Language.Examples)
	if err != nil {
		return err
	}
	_, err = a.language.try(extras(folder, all))
	return err
}

// catalogOf returns the catalogue for a configuration. Where the folder's examples are wrong, a reload is refused; a start goes on without them,
// loudly: exact commands must work on the worst of days.
func (a *App) catalogOf(cfg *config.Config) (*intents.Catalog, error) {
	folder, err := readExamples(cfg.Language.Examples)
	if err == nil {
		var c *intents.Catalog
		if c, err = a.language.with(extras(folder, a.teacher.Taught())); err == nil {
			return c, nil
		}
	}
	if a.language.inUse() != nil {
		return nil, fmt.Errorf("examples of the language: %w", err)
	}
	a.alarm(reply.Card{
		ID: "language", Kind: reply.Failed, Title: "your own phrases are left out", Lines: strings.Split(err.Error(), "\n"),
		Hint: "correct them and reload; everything that is built in works",
	})
	return a.language.with(nil)
}
