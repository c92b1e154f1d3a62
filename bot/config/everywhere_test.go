package config_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/shitops/opsbot/bot/config"
)

// spot is one key of the full file, with its value.
type spot struct {
	path       string
	key, value *yaml.Node
}

func spots(t *testing.T) []spot {
	t.Helper()
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(full), &root); err != nil {
		t.Fatal(err)
	}
	var out []spot
	var walk func(path string, n *yaml.Node)
	walk = func(path string, n *yaml.Node) {
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				at := strings.TrimPrefix(path+"."+n.Content[i].Value, ".")
				out = append(out, spot{at, n.Content[i], n.Content[i+1]})
				walk(at, n.Content[i+1])
			}
		case yaml.SequenceNode:
			for i, e := range n.Content {
				walk(fmt.Sprintf("%s[%d]", path, i), e)
			}
		}
	}
	walk("", root.Content[0])
	return out
}

// edit puts text over length bytes at the place of a node. The file is ASCII, so that columns are bytes.
func edit(n *yaml.Node, length int, text string) string {
	lines := strings.Split(full, "\n")
	line := lines[n.Line-1]
	lines[n.Line-1] = line[:n.Column-1] + text + line[n.Column-1+length:]
	return strings.Join(lines, "\n")
}

// says checks that some mistake stands at the place of a node, is about the key, and has a text with one of the wanted words.
func says(t *testing.T, given string, n *yaml.Node, key string, want ...string) {
	t.Helper()
	_, err := config.Parse([]byte(given), "f.yaml", config.Options{})
	var ms config.Mistakes
	if !errors.As(err, &ms) {
		t.Errorf("Parse = %v, want a mistake at %d:%d about %s; given\n%s", err, n.Line, n.Column, key, given)
		return
	}
	for _, m := range ms {
		if m.Line == n.Line && m.Column == n.Column && m.Key == key && slices.ContainsFunc(want, func(w string) bool { return strings.Contains(m.Say, w) }) {
			return
		}
	}
	t.Errorf("Parse says\n%v\nwant %d:%d: %s: one of %q; line %s", err, n.Line, n.Column, key, want, strings.Split(given, "\n")[n.Line-1])
}

// TestEveryKeyMistyped: whichever key is mistyped, by one letter doubled, lost, changed or swapped, it is named at its place with the right one.
func TestEveryKeyMistyped(t *testing.T) {
	t.Parallel()
	for _, s := range spots(t) {
		right := s.key.Value
		if strings.Contains(s.path, ".labels.") {
			continue // any word is a label
		}
		for _, wrong := range []string{right + right[len(right)-1:], right[:len(right)-1], "q" + right[1:], right[1:2] + right[:1] + right[2:]} {
			if wrong == right || slices.Contains(config.Keys(), wrong) || len(wrong) < 2 {
				continue
			}
			path := s.path[:len(s.path)-len(right)] + wrong
			says(t, edit(s.key, len(right), wrong), s.key, path, `did you mean "`+right+`"?`)
		}
	}
}

// TestEveryKeyOfALaterVersion: a key that belongs into another set of keys is never taken where it does not belong.
func TestEveryKeyOfALaterVersion(t *testing.T) {
	t.Parallel()
	for _, s := range spots(t) {
		if strings.Contains(s.path, ".labels.") {
			continue
		}
		path := s.path[:len(s.path)-len(s.key.Value)] + "future-thing"
		says(t, edit(s.key, len(s.key.Value), "future-thing"), s.key, path, "unknown key")
	}
}

// TestEveryValueOfAnotherShape: a list, a set of keys, a tag, an alias, a token or a control character is refused wherever one plain value stands.
func TestEveryValueOfAnotherShape(t *testing.T) {
	t.Parallel()
	for _, s := range spots(t) {
		if s.value.Kind != yaml.ScalarNode {
			continue
		}
		length := len(s.value.Value)
		if s.value.Style&yaml.DoubleQuotedStyle != 0 {
			length += 2
		}
		for put, want := range map[string]string{
			"[1, 2]":                      "must be one value, not a list",
			"{a: b}":                      "must be one value, not a set of keys",
			"!!str x":                     "tags (!!str) are not supported",
			"xoxb-" + "1234567890-abcdef": "looks like a secret",
			`"a\u0001b"`:                  "", // said by the check of the value, or as a control character
		} {
			says(t, edit(s.value, length, put), s.value, s.path, want)
		}
	}
}

// TestEveryValueEmpty: an empty text is refused or means the same as no key at all; it never means something third.
func TestEveryValueEmpty(t *testing.T) {
	t.Parallel()
	for _, s := range spots(t) {
		if s.value.Kind != yaml.ScalarNode {
			continue
		}
		length := len(s.value.Value)
		if s.value.Style&yaml.DoubleQuotedStyle != 0 {
			length += 2
		}
		c, err := config.Parse([]byte(edit(s.value, length, `""`)), "f.yaml", config.Options{})
		if err != nil {
			if !strings.Contains(err.Error(), fmt.Sprintf("f.yaml:%d:%d: %s: ", s.value.Line, s.value.Column, s.path)) {
				t.Errorf("an empty %s: %v, want that it is said at %d:%d", s.path, err, s.value.Line, s.value.Column)
			}
			continue
		}
		out, err := c.Redacted()
		if err != nil || strings.Contains(string(out), `""`) {
			t.Errorf("an empty %s is kept as an empty text: %v\n%s", s.path, err, out)
		}
	}
}

// TestEveryKeyTwice: a set of keys with one of its keys again is refused at the second.
func TestEveryKeyTwice(t *testing.T) {
	t.Parallel()
	for _, s := range spots(t) {
		if s.value.Kind != yaml.ScalarNode || s.key.Line != s.value.Line {
			continue
		}
		again := fmt.Sprintf("%s: %q", s.key.Value, s.value.Value)
		put := again + ", " + s.key.Value
		line := strings.Split(full, "\n")[s.key.Line-1]
		if !strings.Contains(line[:s.key.Column-1], "{") {
			put = again + "\n" + strings.Repeat(" ", s.key.Column-1) + s.key.Value
		}
		_, err := config.Parse([]byte(edit(s.key, len(s.key.Value), put)), "f.yaml", config.Options{})
		if err == nil || !strings.Contains(err.Error(), s.path+": is here twice; keep one") {
			t.Errorf("%s twice: %v", s.path, err)
		}
	}
}

// TestEveryKeyIsOptionalOrDemanded: without any one key the file loads with a default, or the key is named as missing.
func TestEveryKeyIsOptionalOrDemanded(t *testing.T) {
	t.Parallel()
	for _, s := range spots(t) {
		if strings.Contains(s.path, ".labels.") {
			continue
		}
		// A null stands for a key that is not there.
		var root yaml.Node
		if err := yaml.Unmarshal([]byte(full), &root); err != nil {
			t.Fatal(err)
		}
		null(root.Content[0], s.key.Line, s.key.Column)
		given, err := yaml.Marshal(&root)
		if err != nil {
			t.Fatal(err)
		}
		_, err = config.Parse(given, "f.yaml", config.Options{})
		if err == nil {
			continue
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			switch {
			case strings.Contains(line, s.path+": is missing") || strings.Contains(line, s.path+": is empty"):
			case strings.Contains(line, s.path+": is empty, which could mean all or none"):
			case strings.Contains(line, "there is no "): // what other parts refer to is gone with it
			case strings.Contains(line, "anybody could send in its name"): // one of two keys must be there
			case strings.Contains(line, s.path+".address: is missing"): // the secret of an admin port stays
			default:
				t.Errorf("without %s: %s", s.path, line)
			}
		}
	}
}

// null empties the value behind the key at a place.
func null(n *yaml.Node, line, column int) {
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if k := n.Content[i]; k.Line == line && k.Column == column {
			n.Content[i+1] = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
		}
	}
	for _, c := range n.Content {
		null(c, line, column)
	}
}
