package agent

import (
	"fmt"
	"regexp"
)

// idForm is what an agent may be called. The id becomes part of subjects and of a template of permissions, where "*", ">" and "." would mean
// the messages of others.
var idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// CheckID returns an error unless a node of that name can have an agent.
func CheckID(id string) error {
	if !idForm.MatchString(id) {
		return fmt.Errorf("%.80q cannot be an agent's id: want 1 to 63 of a-z, 0-9 and \"-\", not \"-\" first", id)
	}
	return nil
}
