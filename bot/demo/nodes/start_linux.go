package nodes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// Start makes a lab. Root does it by its own right, and everybody, root without that right too, in a user namespace. The error says what forbids both.
func Start(ctx context.Context, opt Options) (*Lab, error) {
	var asRoot error
	if os.Geteuid() == 0 {
		l, err := hold(ctx, opt, true)
		if err == nil {
			return l, nil
		}
		asRoot = fmt.Errorf("as root: %w", err)
	}
	l, err := hold(ctx, opt, false)
	if err == nil {
		return l, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, errors.Join(asRoot, fmt.Errorf("in a user namespace: %w%s", err, knobs()))
}

// attributes put the holder into a group of its own, so that Ctrl-C reaches us alone, and into a mount namespace, so that what is mounted in a node
// ends with it. Without privileges it becomes root of a user namespace in which it alone is.
func attributes(privileged bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM, Cloneflags: syscall.CLONE_NEWNS}
	if !privileged {
		a.Cloneflags |= syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return a
}

// knobs names the settings of this machine that forbid user namespaces (user_namespaces(7), and those of Debian and Ubuntu).
func knobs() string {
	var out []string
	for _, k := range []struct{ name, forbids string }{
		{"user/max_user_namespaces", "0"}, {"user/max_net_namespaces", "0"}, {"kernel/unprivileged_userns_clone", "0"}, {"kernel/apparmor_restrict_unprivileged_userns", "1"},
	} {
		text, err := os.ReadFile("/proc/sys/" + k.name)
		if err == nil && strings.TrimSpace(string(text)) == k.forbids {
			out = append(out, strings.ReplaceAll(k.name, "/", ".")+" is "+k.forbids)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return " (" + strings.Join(out, ", ") + ")"
}
