// Package plugin prints what a check found, as the Monitoring Plugins Development Guidelines ask: one line of text, performance data behind a
// bar on that same line, and an exit code.
//
// In come a [Status], a sentence and [Metric] values. Out comes a [Result], whose text goes to the standard output and whose code to os.Exit.
// Thresholds are ranges as operators know them ("85:", "~:10", "@10:20"). Read result.go first, then perfdata.go and threshold.go.
//
//	limits, err := plugin.ParseThresholds("85:", "70:")
//	r := plugin.Result{Name: "HIT RATE", Status: limits.Judge(88.4), Text: "88.4 % of 827 requests in 5m0s"}
//	r.Metrics = append(r.Metrics, plugin.Metric{Label: "hit_ratio", Value: 88.4, Unit: "%", Thresholds: limits, Min: new(0.0), Max: new(100.0)})
//	fmt.Print(r)            // HIT RATE OK: 88.4 % of 827 requests in 5m0s | hit_ratio=88.4%;85:;70:;0;100
//	os.Exit(r.Status.Exit())
package plugin
