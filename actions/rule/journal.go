package rule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
)

// Decision is what became of an alert and a rule.
type Decision string

// The decisions.
const (
	Acted     Decision = "acted"     // the command was said and ended well
	Failed    Decision = "failed"    // it was said and did not end well, or did not help
	Waiting   Decision = "waiting"   // it was said and waits for another person
	Refused   Decision = "refused"   // the desk or policy said no
	HeldBack  Decision = "held"      // a guard or a pause
	Gone      Decision = "gone"      // the problem does not stand as it was reported
	Disagreed Decision = "disagreed" // the diagnosis
	WouldAct  Decision = "dry-run"
	Called    Decision = "called" // a reminder after a remedy: a person is called instead
	Unsure    Decision = "unsure" // it could not be found out whether it may act, so nothing was done
)

// Outcome is what became of an alert and one rule that is for it.
type Outcome struct {
	Rule     string   `json:"rule"`
	Decision Decision `json:"decision"`
	Why      string   `json:"why,omitempty"`
	Command  string   `json:"command,omitempty"`
	Run      string   `json:"run,omitempty"`
	Before   string   `json:"before,omitempty"` // numbers
	After    string   `json:"after,omitempty"`
}

// stage is how far the work on an alert has come. Each is written before the next begins.
type stage string

const (
	claimed stage = "claimed" // nothing has been done
	saying  stage = "saying"  // counted in the guards; the command may have been said
	said    stage = "said"    // the command came to its end
	over    stage = "over"
)

// journal is the record of one alert and one rule.
type journal struct {
	Schema  int           `json:"schema"`
	Trigger string        `json:"trigger"`
	Problem string        `json:"problem"`
	Object  string        `json:"object"`
	Outcome Outcome       `json:"outcome"`
	Result  Result        `json:"result,omitzero"`
	Stage   stage         `json:"stage"`
	Owner   string        `json:"owner"` // the process that works on it, one of a kind
	Renewed time.Time     `json:"renewed"`
	Took    time.Duration `json:"took,omitempty"`
	At      time.Time     `json:"at"`
}

const (
	journalSchema = 1
	journalTTL    = 30 * 24 * time.Hour
)

// digest names what may hold any letters in the key of a store.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

func journalKey(trigger, rule string) string { return "alert." + digest(trigger) + "." + rule }

// causeOf is the cause of the command: the same trigger and rule are the same run.
func causeOf(a actions.Alert, rule string) string { return "alert/" + digest(a.ID) + "/" + rule }

// claim makes the journal ours, waiting while another process that lives works on it. It returns a journal that is over as it is.
func (e *Engine) claim(ctx context.Context, a actions.Alert, c Config) (journal, error) {
	for {
		mine := false
		j, err := Change(ctx, e.opt.KV, journalKey(a.ID, c.Name), journalTTL, func(j *journal) (bool, error) {
			now := e.opt.Now()
			mine = false
			switch {
			case j.Schema == 0:
				*j = journal{Schema: journalSchema, Trigger: a.ID, Problem: a.Problem, Object: a.Object(), Stage: claimed, At: now, Outcome: Outcome{Rule: c.Name}}
			case j.Stage == over:
				return false, nil
			case j.Owner == e.owner:
				mine = true
				return false, nil
			case within(j.Renewed, now, e.opt.Lease):
				return false, nil
			}
			j.Owner, j.Renewed, mine = e.owner, now, true
			return true, nil
		})
		if err != nil || mine || j.Stage == over {
			return j, err
		}
		if err := e.sleep(ctx, e.opt.Lease/10); err != nil {
			return j, fmt.Errorf("alert %s: %s works on it: %w", a.ID, j.Owner, err)
		}
	}
}

// errTaken says that another process has taken the journal over while we were slow.
var errTaken = fmt.Errorf("another process has taken this alert over")

// save lets edit change the journal, if it is still ours.
func (e *Engine) save(ctx context.Context, j *journal, edit func(*journal)) error {
	next, err := Change(ctx, e.opt.KV, journalKey(j.Trigger, j.Outcome.Rule), journalTTL, func(now *journal) (bool, error) {
		if now.Owner != e.owner {
			return false, errTaken
		}
		edit(now)
		now.Renewed = e.opt.Now()
		return true, nil
	})
	if err == nil {
		*j = next
	}
	return err
}

// renew keeps the claim while the command is carried out. It returns when ctx ends; a claim that is lost ends the caller's ctx through lost.
func (e *Engine) renew(ctx context.Context, j journal, lost context.CancelCauseFunc) {
	for e.sleep(ctx, e.opt.Lease/3) == nil {
		if err := e.save(ctx, &j, func(*journal) {}); err == errTaken {
			lost(err)
			return
		}
	}
}

func (e *Engine) sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
