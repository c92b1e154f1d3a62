package content

import "golang.org/x/sync/errgroup"

// answerWidth is how many nodes a reading verb asks at a time.
const answerWidth = 64

// each calls do for 0..n-1, some at a time, and returns when all are done. What fails is do's own to keep.
func each(n int, do func(i int)) {
	var g errgroup.Group
	g.SetLimit(answerWidth)
	for i := range n {
		g.Go(func() error {
			do(i)
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
}
