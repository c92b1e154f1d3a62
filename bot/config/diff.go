package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// restarts are the keys that a running bot cannot change under itself.
func restarts() []string { return []string{"data_dir", "listeners", "socket"} }

// NeedsRestart returns the top keys that differ and that a reload cannot apply: they count from the next start.
func NeedsRestart(old, new *Config) []string {
	var out []string
	for _, f := range fieldsOf(reflect.TypeFor[Config]()) {
		if slices.Contains(restarts(), f.key) && !same(f.in(reflect.ValueOf(old).Elem()), f.in(reflect.ValueOf(new).Elem())) {
			out = append(out, f.key)
		}
	}
	return out
}

// Diff tells what a reload from old to new would do, one line a change, in the order of the file's keys. Equal configurations give none.
func Diff(old, new *Config) []string {
	var out []string
	for _, f := range fieldsOf(reflect.TypeFor[Config]()) {
		lines := diffValue(f.key, f.in(reflect.ValueOf(old).Elem()), f.in(reflect.ValueOf(new).Elem()))
		if slices.Contains(restarts(), f.key) {
			for i := range lines {
				lines[i] += " (needs a restart)"
			}
		}
		out = append(out, lines...)
	}
	return out
}

func same(a, b reflect.Value) bool { return reflect.DeepEqual(a.Interface(), b.Interface()) }

func diffValue(key string, a, b reflect.Value) []string {
	switch {
	case same(a, b):
		return nil
	case a.Kind() == reflect.Struct:
		var out []string
		for _, f := range fieldsOf(a.Type()) {
			out = append(out, diffValue(key+"."+f.key, f.in(a), f.in(b))...)
		}
		return out
	case a.Kind() == reflect.Slice && a.Type().Elem().Kind() == reflect.Struct && a.Type().Elem().Field(0).Name == "Name":
		return diffNamed(singular(key), a, b)
	default:
		return []string{fmt.Sprintf("%s: %s, was %s", key, oneLine(b), oneLine(a))}
	}
}

// diffNamed compares lists of things with a name: what came, what went, what changed. Their order does not count.
func diffNamed(kind string, a, b reflect.Value) []string {
	var out []string
	before, after := byName(a), byName(b)
	for i := range a.Len() {
		name := a.Index(i).Field(0).String()
		now, ok := after[name]
		switch {
		case !ok:
			out = append(out, fmt.Sprintf("%s %s: gone%s", kind, name, keptNote(kind)))
		case !same(a.Index(i), now):
			out = append(out, fmt.Sprintf("%s %s: changed: %s", kind, name, strings.Join(changedKeys(a.Index(i), now), "; ")))
		}
	}
	for i := range b.Len() {
		if name := b.Index(i).Field(0).String(); !before[name].IsValid() {
			out = append(out, fmt.Sprintf("%s %s: added", kind, name))
		}
	}
	if len(out) == 0 {
		out = []string{kind + "s: in another order"}
	}
	return out
}

func changedKeys(a, b reflect.Value) []string {
	var out []string
	for _, f := range fieldsOf(a.Type()) {
		was, is := f.in(a), f.in(b)
		switch {
		case same(was, is):
		case isScalar(was.Type()) || was.Kind() == reflect.Slice && isScalar(was.Type().Elem()):
			out = append(out, fmt.Sprintf("%s %s, was %s", f.key, oneLine(is), oneLine(was)))
		default:
			out = append(out, f.key)
		}
	}
	return out
}

func byName(list reflect.Value) map[string]reflect.Value {
	out := map[string]reflect.Value{}
	for i := range list.Len() {
		out[list.Index(i).Field(0).String()] = list.Index(i)
	}
	return out
}

func keptNote(kind string) string {
	if kind == "node" || kind == "deployment" {
		return "; what belongs to it is kept as orphaned until a person decides"
	}
	return ""
}

// singular turns inventory.nodes into node and people into person.
func singular(key string) string {
	switch last := lastPart(key); last {
	case "people":
		return "person"
	default:
		return strings.TrimSuffix(last, "s")
	}
}

// oneLine writes a value as YAML on one line.
func oneLine(v reflect.Value) string {
	if !shows(v) {
		if v.Kind() == reflect.Slice {
			return "not set"
		}
		return `""`
	}
	n := node(v)
	flow(n)
	b, err := yaml.Marshal(n)
	if err != nil {
		return "?" // it is made of texts and numbers alone
	}
	return strings.Join(strings.Fields(string(b)), " ")
}

func flow(n *yaml.Node) {
	if n.Kind != yaml.ScalarNode {
		n.Style = yaml.FlowStyle
	}
	for _, c := range n.Content {
		flow(c)
	}
}
