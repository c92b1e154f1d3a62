//go:build race

package clock_test

// race tells whether the race detector makes everything slower.
const race = true
