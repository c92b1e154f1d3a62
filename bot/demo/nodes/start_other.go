//go:build !linux

package nodes

import (
	"context"
	"errors"
	"io"
	"syscall"
)

var errLinux = errors.New("network namespaces are of Linux alone")

// Start makes a lab, where the system can do that: here it cannot.
func Start(context.Context, Options) (*Lab, error) { return nil, errLinux }

// Hold is the holder of a lab, where the system can do that: here it cannot.
func Hold(context.Context, io.Reader, io.Writer) error { return errLinux }

func attributes(bool) *syscall.SysProcAttr { return nil }

var _ = hold // which only Linux calls
