package actions

import (
	"errors"
	"fmt"
	"time"
)

// Stop is the error of an executor that finds the rest of the plan not needed, such as a diagnosis that disagrees. The run ends well, its
// remaining steps are not done, and a person is told why.
type Stop struct{ Why string }

// Error returns why the rest is not needed.
func (s Stop) Error() string { return "stopped: " + s.Why }

// Wait is the error of an executor that has nothing to do until a time. The run parks without a lease and does the same step again then.
type Wait struct {
	Until time.Time
	Why   string
}

// Error returns what is waited for.
func (w Wait) Error() string {
	return fmt.Sprintf("waiting until %s: %s", w.Until.Format(time.RFC3339), w.Why)
}

// Temporary marks an error as worth another try; every other error of an executor is permanent.
type Temporary struct{ Err error }

// Error returns the text of the marked error.
func (t Temporary) Error() string { return t.Err.Error() }

// Unwrap returns the marked error.
func (t Temporary) Unwrap() error { return t.Err }

// IsTemporary tells whether err is worth another try.
func IsTemporary(err error) bool { var t Temporary; return errors.As(err, &t) }
