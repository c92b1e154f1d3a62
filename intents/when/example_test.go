package when_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/shitops/opsbot/intents/when"
)

// What is read is always shown with its date, so that nobody is surprised.
func ExampleRead() {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 6, 10, 14, 20, 0, 0, berlin)
	for _, said := range []string{"tomorrow 02:00 for 2h", "until 6pm", "every sunday at 4", "next friday at 9am"} {
		found, err := when.Read(strings.Fields(said), now)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(found.Absolute(now))
	}
	// Output:
	// Thu 2026-06-11 02:00 CEST to Thu 2026-06-11 04:00 CEST (2h)
	// until Wed 2026-06-10 18:00 CEST (3h40m)
	// 0 4 * * 0 in Europe/Berlin, next Sun 2026-06-14 04:00 CEST
	// "next friday at 9am" can be Fri 2026-06-12 09:00 CEST or Fri 2026-06-19 09:00 CEST
}
