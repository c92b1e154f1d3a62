package rule

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
)

// place is what the words in a command stand for.
type place struct {
	node, host, service string
	deployments         []string
}

var (
	blank = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}`)
	// plain is what may be put into a command. Hosts and services are foreign text: nothing in it may read as another command.
	plain = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._:-]*$`)
)

// fill returns the command with its blanks filled in.
func fill(do string, p place) (string, error) {
	var out []string
	for clause := range strings.SplitSeq(do, " then ") {
		each := []string{""}
		if slices.ContainsFunc(blank.FindAllStringSubmatch(clause, -1), func(m []string) bool { return m[1] == "deployments" }) {
			each = p.deployments
		}
		for _, deployment := range each {
			said, err := fillClause(clause, deployment, p)
			if err != nil {
				return "", err
			}
			out = append(out, said)
		}
	}
	if len(out) == 0 {
		return "", fmt.Errorf("nothing to say: no deployment is on %s", p.node)
	}
	return strings.Join(out, " then "), nil
}

func fillClause(clause, deployment string, p place) (string, error) {
	values := map[string]string{"node": p.node, "host": p.host, "service": p.service, "deployments": deployment}
	var err error
	said := blank.ReplaceAllStringFunc(clause, func(m string) string {
		name := blank.FindStringSubmatch(m)[1]
		value, known := values[name]
		switch {
		case !known:
			err = fmt.Errorf("{{%s}} stands for nothing; there are {{node}}, {{deployments}}, {{host}} and {{service}}", name)
		case value == "" && name == "node":
			err = fmt.Errorf("the host %s is no node of the inventory", p.host)
		case !plain.MatchString(value) || slices.Contains(strings.Fields(strings.ToLower(value)), "then"):
			err = fmt.Errorf("{{%s}} is %.80q, which cannot stand in a command", name, value)
		}
		return value
	})
	if err == nil && strings.Contains(said, "{{") {
		err = fmt.Errorf("%.80q: {{ without }}", clause)
	}
	return strings.TrimSpace(said), err
}

// serving returns the names of the deployments on a node. One that names no nodes is on every node.
func serving(all []actions.Deployment, node string) []string {
	var out []string
	for _, d := range all {
		if len(d.Nodes) == 0 || slices.Contains(d.Nodes, node) {
			out = append(out, d.Name)
		}
	}
	return out
}
