package config

import (
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/shitops/opsbot/internal/secret"
)

// decoder fills Go values from YAML nodes and remembers where every key stood, so that checks that come later can point at it. It never stops at
// a mistake: what cannot be read keeps its default.
type decoder struct {
	file     string
	lenient  bool // keys that are not known are passed over
	mistakes []Mistake
	at       map[string]*yaml.Node // by key, such as inventory.nodes[2].address
	bad      map[string]bool       // keys about which something was said already
	fields   map[reflect.Type][]field
}

func newDecoder(file string, lenient bool) *decoder {
	return &decoder{file: file, lenient: lenient, at: map[string]*yaml.Node{}, bad: map[string]bool{}, fields: map[reflect.Type][]field{}}
}

// field is one key of a struct.
type field struct {
	key   string
	index int
	typ   reflect.Type
	say   string
	// For a secret.Source, which is written as three keys, part is the one that is set: File, Env or Credential.
	part string
}

// fieldsOf returns the keys of a struct type in its order.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("yaml")
		switch {
		case key == "-" || key == "":
		case f.Type == reflect.TypeFor[secret.Source]():
			for _, part := range []string{"File", "Env", "Credential"} {
				out = append(out, field{key + "_" + strings.ToLower(part), i, reflect.TypeFor[string](), f.Tag.Get("say"), part})
			}
		default:
			out = append(out, field{key, i, f.Type, f.Tag.Get("say"), ""})
		}
	}
	return out
}

// in returns the place of the field inside its struct.
func (f field) in(v reflect.Value) reflect.Value {
	v = v.Field(f.index)
	if f.part != "" {
		v = v.FieldByName(f.part)
	}
	return v
}

// value fills v from n. key is where n stands, "" for the whole document.
func (d *decoder) value(key string, n *yaml.Node, v reflect.Value) {
	d.at[key] = n
	switch {
	case n.Kind == yaml.AliasNode:
		d.say(key, "aliases (*%s) are not supported; write it out", clip(n.Value))
	case n.Style&yaml.TaggedStyle != 0:
		d.say(key, "tags (%s) are not supported; write the plain value", clip(n.Tag))
	case isNull(n):
		// A key with nothing behind it, such as a list whose elements are all commented out, is a key that is not there.
	case isScalar(v.Type()):
		d.scalar(key, n, v)
	case v.Kind() == reflect.Struct:
		d.structure(key, n, v)
	case v.Kind() == reflect.Slice:
		d.list(key, n, v)
	case v.Kind() == reflect.Map:
		d.texts(key, n, v)
	default:
		panic("config: no way to read a " + v.Type().String()) // a type was added to types.go without one
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func isScalar(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Map:
		return false
	}
	return true
}

// defaulted is implemented by pointers to list elements that have defaults.
type defaulted interface{ defaults() }

func (d *decoder) structure(key string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.say(key, "must be a set of keys, not %s", kindName(n))
		return
	}
	if e, ok := v.Addr().Interface().(defaulted); ok {
		e.defaults()
	}
	fields, ok := d.fields[v.Type()]
	if !ok {
		fields = fieldsOf(v.Type())
		d.fields[v.Type()] = fields
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		path := join(key, name.Value)
		if seen[name.Value] {
			d.sayAt(name, path, "is here twice; keep one")
			continue
		}
		seen[name.Value] = true
		if f, ok := find(fields, name.Value); ok {
			d.value(path, value, f.in(v))
			continue
		}
		if !d.lenient {
			d.unknown(name, path, fields)
		}
	}
}

func find(fields []field, key string) (field, bool) {
	for _, f := range fields {
		if f.key == key {
			return f, true
		}
	}
	return field{}, false
}

// unknown says what is wrong with a key that the type does not have: it belongs to a later version or to another place, or it is mistyped.
func (d *decoder) unknown(name *yaml.Node, path string, fields []field) {
	pattern := generic(path)
	parent := strings.TrimSuffix(pattern, lastPart(pattern))
	var known, soon []string
	for _, f := range fields {
		known = append(known, f.key)
	}
	for _, l := range later() {
		if rest, ok := strings.CutPrefix(l, parent); ok && !strings.ContainsAny(rest, ".[") {
			soon = append(soon, rest)
		}
	}
	switch {
	case slices.Contains(soon, name.Value):
		d.sayAt(name, path, "%s", notYet)
	case len(d.mistakes) > shown:
		d.sayAt(name, path, "unknown key") // looking for the nearest takes time, and nobody reads that far
	case nearest(name.Value, slices.Concat(known, soon)) == "" && elsewhere(name.Value) != "":
		d.sayAt(name, path, "unknown key; it belongs under %s", elsewhere(name.Value))
	default:
		d.sayAt(name, path, "unknown key%s", suggest(name.Value, known, soon))
	}
}

// elsewhere returns the keys around the place where a key is known, such as inventory for nodes, or "".
func elsewhere(key string) string {
	for _, k := range Keys() {
		if around, ok := strings.CutSuffix(k, "."+key); ok {
			return around
		}
	}
	return ""
}

// Keys returns every key that this version supports, in the order of the types; an element of a list is written [].
func Keys() []string { return keysOf("", reflect.TypeFor[Config]()) }

func keysOf(around string, t reflect.Type) []string {
	var out []string
	for _, f := range fieldsOf(t) {
		key, inner := join(around, f.key), f.typ
		out = append(out, key)
		if inner.Kind() == reflect.Slice {
			key, inner = key+"[]", inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			out = append(out, keysOf(key, inner)...)
		}
	}
	return out
}

// generic turns inventory.nodes[2].address into inventory.nodes[].address.
func generic(path string) string {
	var b strings.Builder
	inside := false
	for _, r := range path {
		switch {
		case r == '[':
			inside = true
			b.WriteString("[]")
		case r == ']':
			inside = false
		case !inside:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func lastPart(path string) string { return path[strings.LastIndex(path, ".")+1:] }

func (d *decoder) list(key string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.say(key, "must be a list, not %s", kindName(n))
		return
	}
	// Made, not nil: a role with "sites: []" covers no site, one without the key covers all.
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, e := range n.Content {
		path := fmt.Sprintf("%s[%d]", key, i)
		d.value(path, e, out.Index(i))
		if isNull(e) {
			d.say(path, "is empty; remove the line or fill it in")
		}
	}
	v.Set(out)
}

func (d *decoder) texts(key string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.say(key, "must be a set of keys, not %s", kindName(n))
		return
	}
	out := reflect.MakeMap(v.Type())
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		path := join(key, name.Value)
		text := reflect.New(v.Type().Elem()).Elem()
		if out.MapIndex(reflect.ValueOf(name.Value)).IsValid() {
			d.sayAt(name, path, "is here twice; keep one")
			continue
		}
		d.value(path, value, text)
		out.SetMapIndex(reflect.ValueOf(name.Value), text)
	}
	v.Set(out)
}

func (d *decoder) scalar(key string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.say(key, "must be one value, not %s", kindName(n))
		return
	}
	if err := setScalar(n.Value, v); err != nil {
		d.say(key, "%v", err)
	}
}

func setScalar(text string, v reflect.Value) error {
	switch p := v.Addr().Interface().(type) {
	case *time.Duration:
		return set(p, text, ParseDuration)
	case *ClockTime:
		return set(p, text, parseClock)
	case *fs.FileMode:
		return set(p, text, parseMode)
	case *Size:
		return set(p, text, ParseSize)
	case *string:
		*p = text
	case *bool:
		return set(p, text, parseBool)
	case *int:
		return set(p, text, parseWhole)
	case *uint32:
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return fmt.Errorf("%s is no whole number from 0 on", quote(text))
		}
		*p = uint32(n)
	default:
		panic("config: no way to read a " + v.Type().String()) // a type was added to types.go without one
	}
	return nil
}

func set[T any](p *T, text string, parse func(string) (T, error)) error {
	v, err := parse(text)
	if err == nil {
		*p = v
	}
	return err
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%s is neither true nor false", quote(text))
}

func parseWhole(text string) (int, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s is no whole number of this size; write one such as 100", quote(text))
	}
	return int(n), nil
}

func parseMode(text string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(text, 8, 32)
	if err != nil || n > 0o777 {
		return 0, fmt.Errorf("%s are no file rights; write them in octal, such as \"0660\"", quote(text))
	}
	return fs.FileMode(n), nil
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a set of keys"
	default:
		return quote(n.Value)
	}
}

func join(key, name string) string {
	if key == "" {
		return clip(name)
	}
	return key + "." + clip(name)
}

// say notes a mistake at a key. Only the first one at each key is kept: what follows from it would only confuse.
func (d *decoder) say(key, format string, args ...any) {
	d.sayAt(d.near(key), key, format, args...)
}

func (d *decoder) sayAt(n *yaml.Node, key, format string, args ...any) {
	if d.bad[key] {
		return
	}
	d.bad[key] = true
	d.mistakes = append(d.mistakes, d.mistake(n, key, fmt.Sprintf(format, args...)))
}

func (d *decoder) mistake(n *yaml.Node, key, say string) Mistake {
	m := Mistake{File: d.file, Line: 1, Column: 1, Key: key, Say: say}
	if n != nil && n.Line > 0 {
		m.Line, m.Column = n.Line, n.Column
	}
	return m
}

// near returns the node at a key, or at the nearest one around it where the key itself is not in the file.
func (d *decoder) near(key string) *yaml.Node {
	for {
		if n, ok := d.at[key]; ok {
			return n
		}
		if key == "" {
			return nil
		}
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
}

// has tells whether the file says something at a key.
func (d *decoder) has(key string) bool {
	n, ok := d.at[key]
	return ok && !isNull(n)
}
