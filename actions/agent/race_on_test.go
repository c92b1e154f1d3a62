//go:build race

package agent

// race tells whether the race detector makes everything slower and larger.
const race = true
