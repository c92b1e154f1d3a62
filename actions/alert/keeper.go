package alert

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/shitops/opsbot/icinga"
)

// A downtime is an object that is made at run time, and before 2.14 Icinga2 forgets what it accepts while it reloads: the old process answers, and reads
// it back, until the new one takes over. So what was set is looked after until it has outlived the reload that may have been under way.
const (
	keepFor  = 10 * time.Minute
	keepLook = 5 * time.Second
)

// kept is what a step has set on one host.
type kept struct {
	host    string
	want    []string // services, "" for the host itself
	set     icinga.Downtime
	at      time.Time
	started time.Time // of the daemon that had it when it was last looked at
}

// keeper looks after what was set in the last minutes. A crash of the bot ends that: it is for the rare reload, not for the rule.
type keeper struct {
	mu  sync.Mutex
	all []*kept
}

func (k *keeper) add(one *kept) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, one)
}

// drop forgets what bears a marker: it was ended on purpose.
func (k *keeper) drop(author, marker string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = slices.DeleteFunc(k.all, func(one *kept) bool { return one.set.Author == author && one.set.Marker == marker })
}

// recent returns what is to be looked after at a time, and forgets the rest.
func (k *keeper) recent(now time.Time) []*kept {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = slices.DeleteFunc(k.all, func(one *kept) bool { return now.Sub(one.at) > keepFor || !one.set.Until.After(now) })
	return slices.Clone(k.all)
}

// Run looks after the downtimes of the last minutes until ctx ends: those that a reload has swallowed are set again. While none was set it asks nothing.
func (a *Alerts) Run(ctx context.Context) error {
	if a.opt.Icinga == nil {
		return nil
	}
	looks := time.NewTicker(keepLook)
	defer looks.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-looks.C:
			for _, one := range a.keeper.recent(a.opt.Now()) {
				if err := a.keep(ctx, one); err != nil && ctx.Err() == nil {
					a.opt.Logger.Warn("downtime not looked after", "host", one.host, "err", err)
				}
			}
		}
	}
}

// keep looks after one. What is gone although the daemon is the same was ended by a person.
func (a *Alerts) keep(ctx context.Context, one *kept) error {
	s, err := a.opt.Icinga.Status(ctx)
	if err != nil {
		return err
	}
	have, err := a.opt.Icinga.Downtimes(ctx, one.host, one.set.Author, one.set.Marker)
	if err != nil {
		return err
	}
	missing := lacking(one.host, one.want, have)
	switch {
	case len(missing) == 0:
	case s.ProgramStart.Equal(one.started):
		a.keeper.drop(one.set.Author, one.set.Marker)
		return nil
	default:
		for _, service := range missing {
			set := one.set
			set.Children = set.Children && service == one.want[0]
			if err := a.opt.Icinga.ScheduleDowntime(ctx, one.host, service, set); err != nil {
				return err
			}
		}
		a.opt.Logger.Info("set a downtime again that a reload has swallowed", "host", one.host, "objects", len(missing), "marker", one.set.Marker)
	}
	a.keeper.mu.Lock()
	one.started = s.ProgramStart
	a.keeper.mu.Unlock()
	return nil
}
