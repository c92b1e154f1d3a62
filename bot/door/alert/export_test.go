package alert

import (
	"context"
	"slices"

	"github.com/shitops/opsbot/actions"
	stored "github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/icinga"
)

// Fold takes an alert into an incident, and tells its trigger and whether it was news.
func (in *Incident) Fold(s stored.Stored) (actions.Alert, bool) {
	in.Seen = slices.Clone(in.Seen)
	return in.fold(s)
}

// IsOpen tells whether the incident is open.
func (in Incident) IsOpen() bool { return in.open() }

// NewsOf is what is stored of an event.
func NewsOf(e icinga.Event) []stored.Stored { return newsOf(e) }

// Compare is what a look at an object finds that its incident does not hold.
func Compare(in Incident, o icinga.Object) []stored.Stored {
	g := &glance{}
	g.compare(in, o)
	return g.news
}

// Look looks at everything once.
func (s *Stream) Look(ctx context.Context) error { return s.catchUp(ctx) }
