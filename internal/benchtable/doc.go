// Command benchtable runs benchmarks and prints one table of their medians, ours beside the tools that people use today.
//
// In come commands, one an argument, that print lines in the format of `go test -bench` (golang.org/design/14313-benchmark-format); out comes a
// table on standard output. A benchmark whose last name part is "peer=NAME" is a peer of the one without it, and gets a column with the ratio.
// Read table.go first.
//
//	go run ./internal/benchtable "go test -run - -bench . -count 3 ./cache" "node bench.mjs 50 200"
package main
