package lab

import "context"

// NewIcinga is Need and StartIcinga for a test, stopped at its end.
func NewIcinga(tb TB, opt IcingaOptions) *Icinga {
	tb.Helper()
	Need(tb, "icinga2")
	if opt.Dir == "" {
		opt.Dir = tb.TempDir()
	}
	i, err := StartIcinga(context.WithoutCancel(tb.Context()), opt)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := i.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return i
}
