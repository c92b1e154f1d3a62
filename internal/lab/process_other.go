//go:build !linux

package lab

import "syscall"

// attributes put a child into a group of its own, so that Ctrl-C reaches us alone.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
