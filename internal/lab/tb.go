package lab

import "context"

// TB is what of a testing.TB the wrappers below need. With it the package serves the demo, too, without linking package testing into the program.
type TB interface {
	Helper()
	Context() context.Context
	Cleanup(func())
	TempDir() string
	Error(args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Skip(args ...any)
}

// Need skips the test when one of the programs is not installed, and fails it instead where OPSBOT_REQUIRE_REAL=1.
func Need(tb TB, programs ...string) {
	tb.Helper()
	err := Missing(programs...)
	switch {
	case err == nil:
	case realRequired():
		tb.Fatalf("%v, and %s=1 forbids to skip", err, RequireReal)
	default:
		tb.Skip(err.Error())
	}
}

// NewOrigin is StartOrigin for a test, stopped at its end.
func NewOrigin(tb TB, opt OriginOptions) *Origin {
	tb.Helper()
	o, err := StartOrigin(context.WithoutCancel(tb.Context()), opt)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := o.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return o
}

// NewVarnish is Need and StartVarnish for a test, in a directory of the test's, stopped at its end.
func NewVarnish(tb TB, opt VarnishOptions) *Varnish {
	tb.Helper()
	Need(tb, "varnishd", "varnishadm", "varnishstat", "cc")
	v, err := StartVarnish(context.WithoutCancel(tb.Context()), opt)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := v.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return v
}
