package icinga_test

import (
	"fmt"

	"github.com/shitops/opsbot/icinga"
)

// What a user lacks is named by what it is needed for.
func ExamplePermissions_Missing() {
	held := icinga.Permissions{User: "opsbot", Held: []string{"status/query", "objects/query/*", "actions/*"}}
	fmt.Println(held.Missing(icinga.FeatureRead.Needs()...), held.Missing(icinga.FeatureReport.Needs()...))
	fmt.Println(len(held.Missing(icinga.FeatureStream.Needs()...)), "of", len(icinga.EventTypes()), "types of events")
	// Output:
	// [] []
	// 11 of 11 types of events
}
