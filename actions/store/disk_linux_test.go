package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/shitops/opsbot/actions/store"
)

// mount mounts a file system for the test; it skips where that needs rights that the test does not have.
func mount(t *testing.T, source, target, kind, options string) {
	t.Helper()
	if out, err := exec.Command("mount", "-t", kind, "-o", options, source, target).CombinedOutput(); err != nil {
		t.Skipf("mount %s needs root and a file system to play with: %v: %s", kind, err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", target).Run() }) // gone already where the test unmounted it
}

// TestPowerCut is rule 1: kill -9 cannot show what only the page cache held, so the file system under the writer is shut down without a flush.
//
// Reports that come after the cut has begun do not count: the kernel (6.18) then answers an fsync with success now and then and does not keep
// the data; a plain loop of write and fsync lost 1 of 17,813 that way.
func TestPowerCut(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the power cut needs root for a loop device")
	}
	image, mnt := filepath.Join(t.TempDir(), "disk.img"), t.TempDir()
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 300<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", image).CombinedOutput(); err != nil {
		t.Skipf("the power cut needs mkfs.ext4: %v: %s", err, out)
	}
	dir := filepath.Join(mnt, "store")
	a := newAcked()
	for n := range soak(1, 10) {
		mount(t, image, mnt, "ext4", "loop")
		a.blind.Store(false)
		a.round(t, dir, n, func(c *exec.Cmd) {
			a.blind.Store(true)
			shutdownFS(t, mnt)
			if err := c.Process.Kill(); err != nil {
				t.Error(err)
			}
		})
		unmount(t, mnt)
	}
	mount(t, image, mnt, "ext4", "loop")
	a.check(t, dir)
	unmount(t, mnt)
}

// shutdownFS makes the file system forget what it has not synced: EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH, from fs/ext4/ext4.h.
func shutdownFS(t *testing.T, mnt string) {
	t.Helper()
	f, err := os.Open(mnt)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	flags := uint32(2)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), 0x8004587d, uintptr(unsafe.Pointer(&flags))); errno != 0 {
		t.Fatalf("shut down the file system: %v", errno)
	}
}

func unmount(t *testing.T, mnt string) {
	t.Helper()
	if out, err := exec.Command("umount", mnt).CombinedOutput(); err != nil {
		t.Fatalf("umount: %v: %s", err, out)
	}
}

// fullDisk makes a store on a small disk and writes until it is full. It returns the keys that were acknowledged and what makes space.
func fullDisk(t *testing.T) (e *store.Engine, o store.Options, kept []string, space func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("the full disk needs root for a tmpfs; TestHealsBrokenServer covers the healing without")
	}
	mnt := t.TempDir()
	mount(t, "tmpfs", mnt, "tmpfs", "size=40m")
	ballast := filepath.Join(mnt, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 24<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	o = store.Options{Dir: filepath.Join(mnt, "store"), Log: quiet()}
	e = open(t, o)
	for i := 0; ; i++ {
		key := fmt.Sprint("k-", i)
		ctx, cancel := context.WithTimeout(t.Context(), 1100*time.Millisecond)
		_, err := e.Bucket(store.Inventory).Create(ctx, key, make([]byte, 200<<10))
		cancel()
		if errors.Is(err, store.ErrUnknown) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, key)
	}
	if len(kept) < 20 {
		t.Errorf("only %d keys were written before the disk was full", len(kept))
	}
	return e, o, kept, func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
}

// holds checks that keys are there.
func holds(t *testing.T, e *store.Engine, kept []string) {
	t.Helper()
	for _, key := range kept {
		if _, err := e.Bucket(store.Inventory).Get(t.Context(), key); err != nil {
			t.Errorf("acknowledged %s: %v", key, err)
		}
	}
}

// TestFullDisk is rule 10: after a full disk the server refuses writes for ever, also when there is space again, and says so only in its log.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	e, _, kept, space := fullDisk(t)
	if err := e.Ready(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("ready on a full disk = %v, want no space left", err)
	}
	holds(t, e, kept)
	space()
	awaitReady(t, e)
	if _, err := e.Bucket(store.Inventory).Create(t.Context(), "after", make([]byte, 200<<10)); err != nil {
		t.Errorf("write after there is space again: %v", err)
	}
	holds(t, e, kept)
	shut(t, e)
}

// TestFullDiskAtClose closes while the disk is full, tries to open it, and opens it when there is space.
func TestFullDiskAtClose(t *testing.T) {
	t.Parallel()
	e, o, kept, space := fullDisk(t)
	shut(t, e)
	rest, err := os.Create(filepath.Join(filepath.Dir(o.Dir), "rest"))
	if err != nil {
		t.Fatal(err)
	}
	for ; err == nil; _, err = rest.Write(make([]byte, 4096)) {
	}
	if err := rest.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, o) // neither opening nor reading needs space
	holds(t, e, kept)
	space()
	awaitReady(t, e)
	shut(t, e)
	e = open(t, o)
	holds(t, e, kept)
	if _, err := e.Bucket(store.Inventory).Create(t.Context(), "after", nil); err != nil {
		t.Errorf("write after there is space again: %v", err)
	}
	shut(t, e)
}
