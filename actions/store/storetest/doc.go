// Package storetest is the conformance suite of package store. Each implementation runs it over its own way to make and reopen a store:
//
//	storetest.Run(t, storetest.World{Lease: time.Second, New: func(t *testing.T) func() store.Store {
//		disk := fake.New()
//		return func() store.Store { return disk.Open(fake.Options{Lease: time.Second}) }
//	}})
//
// What the suite asks is what callers may rely on; a new promise of the contract begins with a test here. Read storetest.go first.
package storetest
