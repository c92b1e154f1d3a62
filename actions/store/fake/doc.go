// Package fake is a store in memory, for tests: the whole contract of package store, with faults on demand.
//
// A Disk is what survives a crash; a Handle is one process that works on it. Several handles may be open at once, like several replicas.
// Time is time.Now and its timers, so everything works on the virtual clock of testing/synctest; make the Disk inside the bubble.
//
//	disk := fake.New()
//	first := disk.Open(fake.Options{Lease: 2 * time.Second, Inject: func(op fake.Op) fake.Fault {
//		if op.N == 7 {
//			return fake.CrashAfter // the seventh write happens, but this process never hears of it
//		}
//		return fake.None
//	}})
//	// ... run until calls return store.ErrClosed, then carry on as another process:
//	second := disk.Open(fake.Options{Lease: 2 * time.Second})
//
// Read disk.go first, then handle.go for the faults.
package fake
