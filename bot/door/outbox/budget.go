package outbox

import "time"

// Rate is how many calls a platform takes in all channels together. The zero value is unlimited.
type Rate struct {
	PerMinute int
	Burst     int // how many may follow each other at once; default 1
}

// budget is a bucket of tokens that calls of higher rank may empty and those of lower rank may not. The caller locks.
type budget struct {
	every  time.Duration // per token; 0 means unlimited
	most   float64
	tokens float64
	at     time.Time
}

// rank says how urgent a call is.
type rank int

const (
	later  rank = iota // a state that another will follow
	final              // the last state
	urgent             // the digest, which shows many
)

func newBudget(r Rate, now time.Time) *budget {
	if r.PerMinute <= 0 {
		return &budget{}
	}
	most := float64(max(r.Burst, 1))
	return &budget{every: time.Minute / time.Duration(r.PerMinute), most: most, tokens: most, at: now}
}

// wait returns how long a call of that rank has to wait, 0 when it may be made now.
func (b *budget) wait(now time.Time, r rank) time.Duration {
	if b.every == 0 {
		return 0
	}
	if d := now.Sub(b.at); d > 0 {
		b.tokens = min(b.most, b.tokens+float64(d)/float64(b.every))
		b.at = now
	}
	missing := b.floor(r) - b.tokens
	if missing <= 1e-9 {
		return 0
	}
	return time.Duration(missing*float64(b.every)) + time.Millisecond
}

// floor is how many tokens must be there for a call of that rank: what is left below is for those above it.
func (b *budget) floor(r rank) float64 {
	switch r {
	case urgent:
		return 1
	case final:
		return min(1+b.most/4, b.most)
	default:
		return max(3*b.most/4, 1)
	}
}

func (b *budget) take() {
	if b.every > 0 {
		b.tokens--
	}
}

// empty takes everything, as after the platform said that it was too much.
func (b *budget) empty() {
	if b.every > 0 {
		b.tokens = min(b.tokens, 0)
	}
}
