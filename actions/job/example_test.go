package job_test

import (
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions/job"
)

// A time that the spring skips comes at the first instant after the gap.
func ExampleParse() {
	s, err := job.Parse("30 2 * * *", "Europe/Berlin")
	if err != nil {
		fmt.Println(err)
		return
	}
	at := time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC)
	for range 3 {
		at = s.Next(at, at)
		fmt.Println(at.UTC().Format(time.RFC3339))
	}
	// Output:
	// 2026-03-28T01:30:00Z
	// 2026-03-29T01:00:00Z
	// 2026-03-30T00:30:00Z
}
