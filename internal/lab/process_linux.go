package lab

import "syscall"

// attributes put a child into a group of its own, so that Ctrl-C reaches us alone, and make it end when we are killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
