package policy

import (
	"bytes"
	"fmt"
	"strings"
)

// contentLine is one unfolded line, RFC 5545 section 3.1.
type contentLine struct {
	number int
	text   string
}

func unfold(data []byte) []contentLine {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	var out []contentLine
	for i, raw := range strings.Split(string(data), "\n") {
		raw = strings.TrimSuffix(raw, "\r")
		switch {
		case raw == "":
		case (raw[0] == ' ' || raw[0] == '\t') && len(out) > 0:
			out[len(out)-1].text += raw[1:]
		default:
			out = append(out, contentLine{i + 1, raw})
		}
	}
	return out
}

// property is one content line: NAME;PARAM=value:value.
type property struct {
	name, value string
	params      []string
}

func parseProperty(text string) (property, error) {
	head, value, ok := cutValue(text)
	if !ok {
		return property{}, fmt.Errorf("%q is no line of a calendar: it has no colon", clipped(text))
	}
	params := strings.Split(head, ";")
	return property{name: strings.ToUpper(params[0]), value: value, params: params[1:]}, nil
}

// cutValue cuts at the first colon that is outside of quotation marks.
func cutValue(text string) (head, value string, ok bool) {
	quoted := false
	for i, r := range text {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ':' && !quoted:
			return text[:i], text[i+1:], true
		}
	}
	return "", "", false
}

func (p property) param(name string) string {
	for _, one := range p.params {
		if key, value, ok := strings.Cut(one, "="); ok && strings.EqualFold(key, name) {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

// unescape undoes RFC 5545 section 3.3.11.
func unescape(text string) string {
	return strings.NewReplacer(`\\`, `\`, `\n`, " ", `\N`, " ", `\,`, ",", `\;`, ";").Replace(text)
}
