//go:build linux

package kernel

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// within runs do on a thread of its own that lies in the network namespace at path; empty is that of the process. The thread ends with it.
func within(path string, do func() error) error {
	if path == "" {
		return do()
	}
	return onThread(func() error {
		if err := enter(path); err != nil {
			return err
		}
		return do()
	})
}

// enter moves the calling thread, which must end with its goroutine, to the network namespace at path.
func enter(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open network namespace %s: %w", path, err)
	}
	defer func() { _ = unix.Close(fd) }() // opened to be read: nothing can be lost
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace %s: %w", path, err)
	}
	return nil
}

// inScratch runs do in a network namespace made for it, which vanishes with it.
func inScratch(do func() error) error {
	return onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make a scratch network namespace: %w", err)
		}
		return do()
	})
}

// onThread runs do on a thread that is not used for anything else afterwards.
func onThread(do func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with the goroutine
		result <- do()
	}()
	return <-result
}

// isGone tells whether err says that what was to be removed, or what it lay on, is not there.
func isGone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ESRCH)
}
