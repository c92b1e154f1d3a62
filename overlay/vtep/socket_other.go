//go:build !linux

package vtep

import "net"

// gatheredSize is the room for control messages: there are none.
const gatheredSize = 0

func canCut(*net.UDPConn) bool         { return false }
func appendCut(b []byte, _ int) []byte { return b }
func cannotCut(error) bool             { return false }
func gathered([]byte) int              { return 0 }
