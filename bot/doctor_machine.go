package bot

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// The bounds of a healthy machine.
const (
	diskLeast  = 1 << 30 // bytes free
	syncSlow   = 50 * time.Millisecond
	syncRounds = 8
	clockLook  = 200 * time.Millisecond
	clockDrift = 50 * time.Millisecond
	exportOld  = 26 * time.Hour
	bornYear   = 2025
)

// clock looks whether the wall clock tells a time that can be, and goes as fast as the machine's own.
func (v *visit) clock() {
	begin := time.Now()
	if begin.Year() < bornYear {
		v.bad("clock", "", "set it: timedatectl set-ntp true", "it says %s, which is before this program was made", begin.Format(time.RFC3339))
		return
	}
	time.Sleep(clockLook)
	end := time.Now()
	drift := end.Round(0).Sub(begin.Round(0)) - end.Sub(begin) // by the wall, and by the monotonic clock
	if drift.Abs() > clockDrift {
		v.bad("clock", "", "let one service alone set it: timedatectl status", "it was set by %s while it was looked at", drift)
		return
	}
	v.well("clock", "%s, steady", end.Format(time.RFC3339))
}

// disk looks at the folder of the state: who owns it, who may read it, how much room there is, how fast a write is safe.
func (v *visit) disk() {
	dir := v.cfg.DataDir
	info, err := os.Stat(dir)
	if err != nil {
		v.bad("data folder", dir, "make it for the user who runs the bot: install -d -m 0700 -o opsbot "+dir, "%s", err)
		return
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		v.bad("data folder", dir, "chmod 0700 "+dir, "others than its owner may use it (%s): it holds everything that was said and done", info.Mode().Perm())
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		v.bad("disk", dir, "", "%s", err)
	} else if free := uint64(s.Bavail) * uint64(s.Bsize); free < diskLeast {
		v.bad("disk", dir, "make room, or let store.retention be shorter", "%d MB are free; a full disk stops the bot", free>>20)
	} else {
		v.well("disk", "%d MB are free below %s", free>>20, dir)
	}
	took, err := syncTime(dir)
	switch {
	case err != nil:
		v.bad("disk", dir, "let the user who runs the bot write there: chown opsbot "+dir, "nothing can be written: %s", err)
	case took > syncSlow:
		v.warn("disk", dir, "put data_dir on a local disk with a protected cache", "a write is safe after %s, and every act waits for some of them", took.Round(time.Millisecond))
	case took < 20*time.Microsecond:
		v.warn("disk", dir, "put data_dir on a disk: memory forgets at a power cut", "a write is safe after %s, which no disk can", took)
	default:
		v.well("disk", "a write is safe after %s; every acknowledged write is synchronised (SyncAlways)", took.Round(10*time.Microsecond))
	}
}

// syncTime is the median time of a small write that is on the disk.
func syncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		return 0, err
	}
	defer func() {
		_ = f.Close()           // it is thrown away
		_ = os.Remove(f.Name()) // likewise
	}()
	var times []time.Duration
	for range syncRounds {
		begin := time.Now()
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(begin))
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// export looks how old the newest copy of the state is.
func (v *visit) export() {
	dir := v.cfg.Store.Export.Folder
	if dir == "" {
		v.warn("copy", "store.export.folder", "name a folder on another disk", "no nightly copy of the state is made: a lost disk loses it all")
		return
	}
	newest := time.Time{}
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
		return err
	})
	switch age := time.Since(newest); {
	case err != nil:
		v.bad("copy", dir, "make the folder for the user who runs the bot", "%s", err)
	case newest.IsZero():
		v.warn("copy", dir, "make one now: opsbot export --out "+filepath.Join(dir, "first.jsonl"), "there is no copy of the state yet")
	case age > exportOld:
		v.bad("copy", dir, "see the log of the bot about exports", "the newest copy of the state is %s old", fmt.Sprint(age.Round(time.Hour)))
	default:
		v.well("copy", "the newest one is %s old", age.Round(time.Minute))
	}
}
