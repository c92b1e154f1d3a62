package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// RequireReal is the environment variable under which a test that would skip for want of a real server fails instead.
const RequireReal = "OPSBOT_REQUIRE_REAL"

// ErrMissing is wrapped by errors about programs that are not installed.
var ErrMissing = errors.New("not installed")

// Missing returns an error that names those of the programs that are not installed, or nil.
func Missing(programs ...string) error {
	var missing []string
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrMissing, strings.Join(missing, ", "))
}

func realRequired() bool { return os.Getenv(RequireReal) == "1" }
