package agent

// Silent remembers which nodes were heard of, and tells which have fallen silent since. The zero value remembers none; it is not safe for concurrent
// use.
type Silent struct{ heard map[string]bool }

// Since returns the nodes that were heard of at the look before and are not any more. One whose agent was stopped in good order has not fallen silent, nor
// has one that never had an agent.
func (s *Silent) Since(now []Status) []string {
	var fell []string
	heard := make(map[string]bool, len(now))
	for _, n := range now {
		switch n.Health {
		case NotEnrolled:
		case Offline:
			if s.heard[n.Node] && !n.Report.Leaving {
				fell = append(fell, n.Node)
			}
		default:
			heard[n.Node] = true
		}
	}
	s.heard = heard
	return fell
}
