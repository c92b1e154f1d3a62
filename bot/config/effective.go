package config

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/shitops/opsbot/internal/secret"
)

// Redacted returns the effective configuration as YAML: every default filled in, every path absolute, of secrets the places alone. Read as a file
// it gives the same configuration again.
func (c *Config) Redacted() ([]byte, error) {
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(node(reflect.ValueOf(c).Elem())); err != nil {
		return nil, fmt.Errorf("write the effective configuration: %w", err)
	}
	return out.Bytes(), nil
}

// Hash identifies the effective configuration: two files with the same hash mean the same. Comments, order of keys and spelt-out defaults do
// not count.
func (c *Config) Hash() string {
	b, err := c.Redacted()
	if err != nil {
		panic("config: a configuration that YAML cannot hold: " + err.Error()) // it is made of texts and numbers alone
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// node turns a value into YAML. It is the reverse of decoder.value.
func node(v reflect.Value) *yaml.Node {
	switch v.Kind() {
	case reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, f := range fieldsOf(v.Type()) {
			if value := f.in(v); shows(value) {
				n.Content = append(n.Content, text(f.key), node(value))
			}
		}
		return n
	case reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			n.Content = append(n.Content, node(v.Index(i)))
		}
		if v.Len() == 0 || isScalar(v.Type().Elem()) {
			n.Style = yaml.FlowStyle
		}
		return n
	case reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, k := range slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) }) {
			n.Content = append(n.Content, text(k.String()), node(v.MapIndex(k)))
		}
		return n
	default:
		return scalarNode(v)
	}
}

// shows tells whether a value needs a line. An empty list does, since for a role it is not the same as none.
func shows(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice:
		return !v.IsNil()
	case reflect.Map:
		return v.Len() > 0
	case reflect.String:
		return v.Len() > 0
	case reflect.Struct:
		return !v.IsZero()
	}
	return true
}

func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(secret.Scrub(s))
	return n
}

func scalarNode(v reflect.Value) *yaml.Node {
	switch value := v.Interface().(type) {
	case time.Duration:
		return text(FormatDuration(value))
	case fs.FileMode:
		return quoted(fmt.Sprintf("%04o", value))
	case ClockTime:
		return quoted(value.String())
	case Size:
		return text(value.String())
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(value)}
	case int:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(value)}
	case uint32:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatUint(uint64(value), 10)}
	case string:
		return text(value)
	}
	panic("config: no way to write a " + v.Type().String()) // a type was added to types.go without one
}

// quoted keeps other readers of YAML from taking 0660 for a number and 03:15 for one of base sixty.
func quoted(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: s}
}
