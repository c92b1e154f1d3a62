package cache

import (
	"context"
	"sync"
)

// fan calls do for 0..n-1 with at most width calls at a time, and returns when all are done. A call's failure is the caller's to
// keep; it never keeps another from being made. After ctx is done no further call is made, and fan returns its error.
func fan(ctx context.Context, n, width int, do func(i int)) error {
	var (
		wg   sync.WaitGroup
		work = make(chan int)
	)
	for range min(max(width, 1), n) {
		wg.Go(func() {
			for i := range work {
				do(i)
			}
		})
	}
	err := feed(ctx, n, work)
	close(work)
	wg.Wait()
	return err
}

func feed(ctx context.Context, n int, work chan<- int) error {
	for i := range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		select {
		case work <- i:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
