package policy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// Quota bounds how often each holder of a role may do something, by whatever door: what their jobs and rules do counts as theirs. A rule that the
// configuration file vouches for is counted by itself, and by the quotas of all roles.
type Quota struct {
	Role    string
	Intents []string // globs, see Match
	AtMost  int
	Per     time.Duration // any stretch of time of this length
}

// Quotas counts. It is safe for concurrent use, also by several processes on one store.
type Quotas struct{ kv store.KV }

// NewQuotas returns the counter that is kept in kv, which is the bucket of guards.
func NewQuotas(kv store.KV) *Quotas { return &Quotas{kv} }

// QuotaSpent is the error of Take when there is nothing left.
type QuotaSpent struct {
	Quota Quota
	Who   string
	Free  time.Time // when the next one may be done
}

// Error says what is spent and when the next one is free.
func (e *QuotaSpent) Error() string {
	return fmt.Sprintf("quota of %s: %d %s in %s are used up; the next one is free at %s", e.Who, e.Quota.AtMost, strings.Join(e.Quota.Intents, ", "), e.Quota.Per, e.Free.UTC().Format(time.RFC3339))
}

// Verdict returns the error as a refusal.
func (e *QuotaSpent) Verdict(risk actions.Risk) Verdict {
	return refusal(risk, RuleQuota, e.Error(), "wait until then")
}

// Left is how much of a quota is left.
type Left struct {
	Quota Quota
	Left  int
	Free  time.Time // when one is free; zero while there is one
}

// taken is one use, as it is stored.
type taken struct {
	Cause string    `json:"cause"`
	At    time.Time `json:"at"`
}

// Take counts a request in every quota that it falls under, or returns a QuotaSpent and counts nothing. The same cause counts once, so that a
// repeat, also after an error, is free. Every other error means that it is not known to be counted: what depends on it must not go on.
func (q *Quotas) Take(ctx context.Context, p *Policy, r actions.Request, risk actions.Risk, now time.Time) error {
	quotas, who := p.quotasFor(r, risk)
	if len(quotas) > 0 && r.Cause == "" {
		return fmt.Errorf("quota of %s for %s: the request has no cause to count it by", who, r.Intent)
	}
	// All are looked at before the first is counted, so that what one refuses does not use up another.
	for _, quota := range quotas {
		uses, _, err := q.read(ctx, quota, who, now)
		if err != nil {
			return err
		}
		if err := quota.spent(uses, who, r.Cause); err != nil {
			return err
		}
	}
	for _, quota := range quotas {
		if err := q.take(ctx, quota, who, r.Cause, now); err != nil {
			return err
		}
	}
	return nil
}

// Peek tells how much is left in the quotas that a request falls under, counting nothing.
func (q *Quotas) Peek(ctx context.Context, p *Policy, r actions.Request, risk actions.Risk, now time.Time) ([]Left, error) {
	quotas, who := p.quotasFor(r, risk)
	var out []Left
	for _, quota := range quotas {
		uses, _, err := q.read(ctx, quota, who, now)
		if err != nil {
			return nil, err
		}
		left := Left{Quota: quota, Left: max(0, quota.AtMost-len(uses))}
		if left.Left == 0 {
			left.Free = quota.free(uses)
		}
		out = append(out, left)
	}
	return out, nil
}

// quotasFor returns what a request is counted by, and as whose.
func (p *Policy) quotasFor(r actions.Request, risk actions.Risk) ([]Quota, string) {
	if p == nil || exempt(r.Intent, risk) {
		return nil, ""
	}
	who, person := r.Actor.Name, r.Actor.Name
	if r.Actor.Kind != actions.Person {
		who, person = r.Actor.Owner, r.Actor.Owner
		if who == "" {
			who = string(r.Actor.Kind) + " " + r.Actor.Name
		}
	}
	_, known := p.people[person]
	var out []Quota
	for _, q := range p.quotas {
		if matches(q.Intents, r.Intent) && (!known || slices.Contains(p.people[person].Roles, q.Role)) {
			out = append(out, q)
		}
	}
	return out, who
}

// take adds one use by compare-and-set. A write of unknown outcome is looked at by reading: the cause tells whether it happened.
func (q *Quotas) take(ctx context.Context, quota Quota, who, cause string, now time.Time) error {
	ttl := quota.Per.Truncate(time.Second) + time.Second
	for wait := time.Millisecond; ; wait = min(2*wait, time.Second) {
		uses, revision, err := q.read(ctx, quota, who, now)
		if err != nil {
			return err
		}
		if err := quota.spent(uses, who, cause); err != nil {
			return err
		}
		if used(uses, cause) {
			return nil
		}
		value, err := json.Marshal(append(uses, taken{cause, now.UTC().Round(0)}))
		if err != nil {
			return fmt.Errorf("quota of %s: %w", who, err)
		}
		if revision == 0 {
			_, err = q.kv.CreateFor(ctx, quota.key(who), value, ttl)
		} else {
			_, err = q.kv.UpdateFor(ctx, quota.key(who), value, revision, ttl)
		}
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrUnknown), !pause(ctx, wait):
			return fmt.Errorf("count in the quota of %s: %w", who, err)
		}
	}
}

// read returns the uses that still count, oldest first, and the revision of the key, 0 when there is none.
func (q *Quotas) read(ctx context.Context, quota Quota, who string, now time.Time) ([]taken, uint64, error) {
	e, err := q.kv.Get(ctx, quota.key(who))
	if errors.Is(err, store.ErrNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read the quota of %s: %w", who, err)
	}
	var uses []taken
	if err := json.Unmarshal(e.Value, &uses); err != nil {
		return nil, 0, fmt.Errorf("read the quota of %s: key %s: %w", who, e.Key, err)
	}
	// A use from far in the future was counted by a clock that was wrong; it must not lock anybody out for longer than one period.
	uses = slices.DeleteFunc(uses, func(t taken) bool { return now.Sub(t.At).Abs() >= quota.Per })
	slices.SortStableFunc(uses, func(a, b taken) int { return a.At.Compare(b.At) })
	return uses, e.Revision, nil
}

func used(uses []taken, cause string) bool {
	return slices.ContainsFunc(uses, func(t taken) bool { return t.Cause == cause })
}

func (q Quota) spent(uses []taken, who, cause string) error {
	if len(uses) < q.AtMost || used(uses, cause) {
		return nil
	}
	return &QuotaSpent{Quota: q, Who: who, Free: q.free(uses)}
}

// free returns when so many uses have left that one more is allowed.
func (q Quota) free(uses []taken) time.Time { return uses[len(uses)-q.AtMost].At.Add(q.Per) }

// key is where the uses of one holder are kept. AtMost is no part of it, so that another number counts what was there before.
func (q Quota) key(who string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d", who, q.Role, q.Intents, q.Per))
	return "quota." + hex.EncodeToString(sum[:12])
}
