package spool_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/shitops/opsbot/icinga/spool"
)

// asWriter is the variable that makes the test binary another process that appends: folder, name and number of notifications.
const asWriter = "OPSBOT_TEST_SPOOL"

// TestMain is also the program that writes into a spool from another process.
func TestMain(m *testing.M) {
	if dir := os.Getenv(asWriter); dir != "" {
		if err := write(dir, os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// write appends notifications and says each one that is on the disk.
func write(dir, name, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	s, err := spool.Open(dir, spool.Options{})
	if err != nil {
		return err
	}
	for i := range n {
		body := fmt.Sprintf("%s %06d", name, i)
		if err := s.Append(context.Background(), []byte(body)); err != nil {
			return err
		}
		fmt.Println(body)
	}
	return nil
}
