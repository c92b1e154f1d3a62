package job

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/internal/near"
)

// shown is how many jobs schedule.list shows: those that come next.
const shown = 50

// Verbs returns the verbs about jobs.
func (s *Store) Verbs() []actions.Verb {
	return []actions.Verb{
		{Intent: "schedule.add", Risk: actions.Reversible, Plan: s.planAdd},
		{Intent: "schedule.list", Risk: actions.Read, Answer: s.list},
		{Intent: "schedule.remove", Risk: actions.Reversible, Plan: s.planRemove},
	}
}

func (s *Store) planAdd(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	owner, err := ownerOf(r.Actor)
	if err != nil {
		return actions.Plan{}, err
	}
	zone := s.Zone(Job{})
	schedule, err := Parse(r.One("schedule"), zone)
	if err != nil {
		return actions.Plan{}, fmt.Errorf("when? %w", err)
	}
	c, err := s.opt.Check(ctx, r.One("command"), r.Actor)
	if err != nil {
		return actions.Plan{}, fmt.Errorf("the job would say %q: %w", r.One("command"), err)
	}
	if i := slices.IndexFunc(c.Intents, func(name string) bool { return strings.HasPrefix(name, "schedule.") && name != "schedule.list" }); i >= 0 {
		return actions.Plan{}, fmt.Errorf("the job would say %q: a job makes and removes no jobs", c.Text)
	}
	missed, err := missedOf(r)
	if err != nil {
		return actions.Plan{}, err
	}
	name, err := s.nameOf(ctx, r.One("job"), c.Text)
	if err != nil {
		return actions.Plan{}, err
	}
	j := Job{
		Name: name, At: strings.Join(strings.Fields(r.One("schedule")), " "), Do: c.Text, Owner: owner, Missed: missed, Zone: zone, Source: Chat,
		Intents: c.Intents, Risk: c.Risk,
	}
	p := s.plan(r, KindPut, j, "put job "+j.Name+" on the clock: "+j.Do+" at "+j.At)
	p.Notes = addNotes(j, schedule, cmp.Or(r.At, s.opt.Now()))
	p.Confirm = c.Risk == actions.Destructive
	return p, nil
}

// addNotes tells what the yes is for.
func addNotes(j Job, schedule Schedule, now time.Time) []string {
	notes := []string{"it says, without asking again: " + j.Do + " (" + string(j.Risk) + "), with the rights that " + j.Owner + " has then"}
	loc, err := time.LoadLocation(j.Zone)
	if err != nil {
		loc = time.UTC
	}
	var ticks []string
	for t := now; len(ticks) < 3; {
		if t = schedule.Next(t, now); t.IsZero() {
			break
		}
		ticks = append(ticks, stamp(t.In(loc)))
	}
	next := "next: " + strings.Join(ticks, ", ")
	if schedule.Every() > 0 {
		next += ", counted from the yes"
	}
	if j.Missed == Once {
		next += "; what is slept through is made up for once"
	}
	return append(notes, next)
}

// stamp writes a time in absolute form.
func stamp(t time.Time) string {
	if t.Second() != 0 {
		return t.Format("Mon 2006-01-02 15:04:05 MST")
	}
	return t.Format("Mon 2006-01-02 15:04 MST")
}

func ownerOf(a actions.Actor) (string, error) {
	owner := a.Name
	if a.Kind != actions.Person {
		owner = a.Owner
	}
	if owner == "" {
		return "", fmt.Errorf("a job acts with somebody's rights, and %s is nobody in the configuration", a)
	}
	return owner, nil
}

func missedOf(r actions.Request) (string, error) {
	switch m := cmp.Or(r.Options["missed"], Skip); m {
	case Skip, Once:
		return m, nil
	default:
		return "", fmt.Errorf("missed ticks: %q is not known; known: %s, %s", m, Skip, Once)
	}
}

// nameOf checks the name that was given, or makes one.
func (s *Store) nameOf(ctx context.Context, name, command string) (string, error) {
	if name == "" {
		return NameFor(command, func(n string) bool { _, taken := s.Find(n); return taken }), nil
	}
	if err := CheckName(name); err != nil {
		return "", err
	}
	have, ok := s.Find(name)
	if !ok {
		stored, revision, err := s.read(ctx, name)
		if err != nil {
			return "", err
		}
		have, ok = stored, revision != 0
	}
	if ok && have.Source == File {
		return "", fmt.Errorf("job %s is in the configuration file already: %s at %s; take another name", name, have.Do, have.At)
	}
	if ok {
		return "", fmt.Errorf("there is a job %s already, of %s: %s at %s; remove it first, or take another name", name, have.Owner, have.Do, have.At)
	}
	return name, nil
}

func (s *Store) plan(r actions.Request, kind string, j Job, say string) actions.Plan {
	step := actions.Step{Kind: kind, Key: "job/" + j.Name, Args: actions.Encode(j), Say: say}
	return actions.Plan{Request: r, Risk: actions.Reversible, Say: say, Groups: []actions.Group{{Steps: []actions.Step{step}}}}
}

func (s *Store) planRemove(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	name := r.One("job")
	j, ok := s.Find(name)
	if ok && j.Source == File {
		return actions.Plan{}, fmt.Errorf("job %s is in the configuration file; take it out there and reload, or say: pause automation", name)
	}
	if CheckName(name) == nil {
		stored, revision, err := s.read(ctx, name)
		if err != nil {
			return actions.Plan{}, err
		}
		j, ok = stored, revision != 0
	}
	if !ok {
		var names []string
		for _, one := range s.Jobs() {
			names = append(names, one.Name)
		}
		if len(names) == 0 {
			return actions.Plan{}, fmt.Errorf("%w: no job is called %q; there is none at all", actions.ErrUnknown, name)
		}
		return actions.Plan{}, fmt.Errorf("%w: no job is called %q; %s", actions.ErrUnknown, name, near.Hint(name, names))
	}
	p := s.plan(r, KindRemove, j, "take job "+j.Name+" of "+j.Owner+" off the clock: "+j.Do+" at "+j.At)
	p.Notes = []string{"what it has started goes on: say runs, and cancel what must not"}
	return p, nil
}

// Row is a job as schedule.list tells it to programs.
type Row struct {
	Job
	Status
}

func (s *Store) list(context.Context, actions.Request, actions.World) (actions.Answer, error) {
	var status map[string]Status
	if s.opt.Status != nil {
		status = s.opt.Status()
	}
	jobs := s.Jobs()
	rows := make([]Row, len(jobs))
	for i, j := range jobs {
		rows[i] = Row{j, status[j.Name]}
	}
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Next.Compare(b.Next))
	})
	a := actions.Answer{Title: actions.Counted(len(rows), "job"), Data: rows}
	if len(rows) == 0 {
		a.Title, a.Hint = "no jobs", "make one, such as: schedule \"status\" every day at 5:30"
		return a, nil
	}
	a.Table = &actions.Table{Columns: []string{"JOB", "AT", "NEXT", "LAST", "OUTCOME", "OWNER", "SAYS", "FROM"}}
	for _, row := range rows[:min(len(rows), shown)] {
		a.Table.Rows = append(a.Table.Rows, s.cells(row))
		if row.Wrong != "" {
			a.Lines, a.Bad = append(a.Lines, row.Name+" never comes: "+row.Wrong), true
		}
	}
	if len(rows) > shown {
		a.Lines = append(a.Lines, fmt.Sprintf("the next %d of %d", shown, len(rows)))
	}
	return a, nil
}

// rank puts what never comes first, then what comes, then what has no next tick yet.
func rank(r Row) int {
	switch {
	case r.Wrong != "":
		return 0
	case r.Next.IsZero():
		return 2
	}
	return 1
}

func (s *Store) cells(r Row) []string {
	loc, err := time.LoadLocation(s.Zone(r.Job))
	if err != nil {
		loc = time.UTC
	}
	when := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return stamp(t.In(loc))
	}
	return []string{r.Name, r.At, when(r.Next), when(r.Last), cmp.Or(r.Outcome, "-"), r.Owner, r.Do, r.Source}
}
