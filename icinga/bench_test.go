package icinga_test

import (
	"testing"

	"github.com/shitops/opsbot/icinga"
)

// BenchmarkAlertIn is all that is done with an alert before it is stored: prove, parse, name its trigger.
func BenchmarkAlertIn(b *testing.B) {
	v, now := verifier(b), at(1795334043)
	header := sign(b, oldSecret, "k1", now, bodyOfWarning)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(header, []byte(bodyOfWarning), now); err != nil {
			b.Fatal(err)
		}
		n, err := icinga.ParseNotification([]byte(bodyOfWarning))
		if err != nil || n.Trigger(icinga.Problem{}).Key() == "" {
			b.Fatal(err)
		}
	}
}

// BenchmarkObject reads one service of a real daemon by its name.
func BenchmarkObject(b *testing.B) {
	c, host := claim(b)
	if _, err := c.Object(b.Context(), host, hitRate); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := c.Object(b.Context(), host, hitRate); err != nil {
			b.Fatal(err)
		}
	}
}
