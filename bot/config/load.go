package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/shitops/opsbot/internal/secret"
)

// MaxSize is the most bytes that a configuration file may have: room for tens of thousands of nodes.
const MaxSize = 16 << 20

// Options say what is known outside the file. The zero value is fine.
type Options struct {
	// Intents are the names of all intents. With them, rights that match none are warned about.
	Intents []string
	// Command tells what is wrong with the command of a rule or job. That of a rule comes as it was written, with its {{holes}}.
	Command func(text string) error
	// Schedule tells what is wrong with the time of a job.
	Schedule func(at string) error
}

// Load reads and checks a file. Its error is Mistakes, also when the file cannot be read.
func Load(path string, o Options) (*Config, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	return Parse(data, path, o)
}

// Parse checks the bytes of a file. name is the path that mistakes bear; relative paths inside the file start at its folder.
func Parse(data []byte, name string, o Options) (*Config, error) {
	d := newDecoder(name, false)
	c := Default()
	root, err := d.document(data)
	if err != nil {
		return nil, err
	}
	d.value("", root, reflect.ValueOf(c).Elem())
	d.scalars("", root)
	v := checker{decoder: d, c: c, o: o}
	v.all()
	if !d.has("rules") && c.Icinga.URL != "" {
		c.Rules = DefaultRules()
	}
	if len(d.mistakes) > 0 {
		return nil, inOrder(d.mistakes)
	}
	c.Warnings = inOrder(v.warnings)
	c.places = d.places()
	return c, c.resolve(name)
}

func inOrder(ms Mistakes) Mistakes {
	slices.SortStableFunc(ms, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return ms
}

// read returns the bytes of a configuration file.
func read(path string) ([]byte, error) { return readSane(path, "opsbot init writes one") }

// readSane returns the bytes of a file of a sane size. create says how the file comes to be.
func readSane(path, create string) ([]byte, error) {
	fail := func(say string) ([]byte, error) { return nil, Mistakes{{File: path, Say: say}} }
	// O_NONBLOCK: a named pipe in the place of the file must not hang the program.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail("there is no such file; " + create)
	case err != nil:
		return fail("cannot be opened: " + reason(err))
	}
	defer func() { _ = f.Close() }() // it was only read
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return fail("is no file")
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	switch {
	case err != nil:
		return fail("cannot be read: " + reason(err))
	case len(data) > MaxSize:
		return fail(fmt.Sprintf("has more than %d bytes, that is no configuration", MaxSize))
	}
	return data, nil
}

// reason returns the bare cause of a file error, since the path is named already.
func reason(err error) string {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// document returns the root of the only document, which is an empty set of keys for an empty file.
func (d *decoder) document(data []byte) (*yaml.Node, error) {
	if len(data) > MaxSize {
		return nil, Mistakes{{File: d.file, Say: fmt.Sprintf("has more than %d bytes, that is no configuration", MaxSize)}}
	}
	var doc, next yaml.Node
	in := yaml.NewDecoder(bytes.NewReader(data))
	switch err := in.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: 1, Column: 1}, nil
	case err != nil:
		return nil, Mistakes{d.syntax(data, err)}
	}
	switch err := in.Decode(&next); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, Mistakes{d.syntax(data, err)}
	default:
		return nil, Mistakes{d.mistake(&next, "", "a second document begins here; keep one (without ---)")}
	}
	root := doc.Content[0]
	if isNull(root) {
		root = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: root.Line, Column: root.Column}
	}
	if root.Kind != yaml.MappingNode {
		return nil, Mistakes{d.mistake(root, "", "must be a set of keys, not "+kindName(root))}
	}
	return root, nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntax turns an error of the YAML parser into a mistake. The parser names the line alone; the column is that of its first character.
func (d *decoder) syntax(data []byte, err error) Mistake {
	m := Mistake{File: d.file, Line: 1, Column: 1}
	found := yamlLine.FindStringSubmatch(err.Error())
	m.Say = "no YAML: " + clip(strings.TrimPrefix(err.Error(), firstOf(found)))
	if len(found) > 1 && found[1] != "" {
		m.Line, _ = strconv.Atoi(found[1]) // the expression lets digits through, and a number too large is as good as none
	}
	lines := bytes.Split(data, []byte("\n"))
	m.Line = min(max(m.Line, 1), len(lines))
	line := lines[m.Line-1]
	m.Column = 1 + len(line) - len(bytes.TrimLeft(line, " \t"))
	return m
}

func firstOf(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// scalars looks at every text of the file, known key or not: a secret may stand anywhere.
func (d *decoder) scalars(key string, n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			d.text(key, n.Content[i])
			d.scalars(join(key, n.Content[i].Value), n.Content[i+1])
		}
	case yaml.SequenceNode:
		for i, e := range n.Content {
			d.scalars(fmt.Sprintf("%s[%d]", key, i), e)
		}
	case yaml.ScalarNode:
		d.text(key, n)
	}
}

func (d *decoder) text(key string, n *yaml.Node) {
	switch {
	case secret.LooksLikeToken(n.Value):
		delete(d.bad, key) // this is worth a line beside anything else
		d.sayAt(n, key, "looks like a secret; put it into a file, name that file with a *_file key, and change the secret, as it was stored in the clear")
	case strings.ContainsFunc(n.Value, unicode.IsControl):
		d.sayAt(n, key, "holds a control character or a line end; write it on one line")
	}
}

// resolve makes every path absolute, starting at the folder of the file.
func (c *Config) resolve(name string) error {
	file, err := filepath.Abs(name)
	if err != nil {
		return Mistakes{{File: name, Say: "its folder is not known: " + err.Error()}}
	}
	folder := filepath.Dir(file)
	c.File = file
	paths := []*string{&c.DataDir, &c.Socket.Path, &c.Store.Export.Folder, &c.Icinga.CAFile, &c.Icinga.Certificate, &c.Icinga.Key, &c.OnCall.Calendar.File, &c.Language.Examples}
	for i := range c.Listeners {
		paths = append(paths, &c.Listeners[i].Certificate, &c.Listeners[i].Key)
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(folder, *p)
		}
	}
	for _, s := range c.secrets() {
		*s.source = s.source.In(folder)
	}
	return nil
}
