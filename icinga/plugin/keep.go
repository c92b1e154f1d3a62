package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/shitops/opsbot/internal/atomicfile"
)

// maxState bounds what is read of a file that a check keeps.
const maxState = 1 << 20

// Load reads what an earlier run of a check has kept in a file. There is nothing at first: that is the zero value. What parse does not take counts as
// nothing, too, and the note says so; only a file that cannot be read is an error.
func Load[T any](file string, parse func(data []byte) (T, error)) (state T, note string, err error) {
	var none T
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return none, "", nil
	}
	if err != nil {
		return none, "", fmt.Errorf("read the state: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxState+1))
	if err != nil {
		return none, "", fmt.Errorf("read the state: %w", err)
	}
	if len(data) > maxState {
		err = fmt.Errorf("it has more than %d bytes", maxState)
	} else {
		state, err = parse(data)
	}
	if err != nil {
		return none, fmt.Sprintf("the state in %s is replaced: %v", file, err), nil
	}
	return state, "", nil
}

// Save keeps a state in a file, for the next run of a check. The folder is made where it is missing.
func Save(file string, state any) error {
	data, err := json.Marshal(state)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	if err == nil {
		err = atomicfile.Write(file, append(data, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep the state: %w", err)
	}
	return nil
}
