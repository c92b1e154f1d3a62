package fake_test

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/actions/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.World{
		Lease:  2 * time.Second,
		Around: synctest.Test,
		New: func(*testing.T) func() store.Store {
			disk := fake.New()
			return func() store.Store { return disk.Open(fake.Options{Lease: 2 * time.Second}) }
		},
	})
}
