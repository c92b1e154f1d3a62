// Package spawn starts child processes that end when this program does.
//
// In: a command, with a parent-death signal in its attributes where the system has one. Out: what waits for its end. Read spawn.go.
//
//	wait, err := spawn.Start(cmd)
package spawn

import (
	"os/exec"
	"runtime"
)

// Start starts cmd, and returns what waits for its end and may be called by many, many times.
//
// Linux sends a parent-death signal when the thread that forked ends (prctl(2), PR_SET_PDEATHSIG), not the process: in a program whose threads come and
// go, as those do that enter network namespaces, a child would end at any time. Here that thread lives as long as the child.
func Start(cmd *exec.Cmd) (wait func() error, err error) {
	started, ended := make(chan error), make(chan struct{})
	var result error
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			result = cmd.Wait()
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return func() error { <-ended; return result }, nil
}
