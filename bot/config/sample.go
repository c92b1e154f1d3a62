package config

import (
	"bytes"
	_ "embed" // for the sample
	"encoding/json"
	"fmt"
	"path/filepath"
	"text/template"
)

//go:embed sample.yaml.tmpl
var sample string

// SampleOptions are the answers that opsbot init fills in. The zero value gives the sample of the package, for /var/lib/opsbot and a person named after
// nobody in particular.
type SampleOptions struct {
	DataDir string // default /var/lib/opsbot
	Socket  string // default DataDir/opsbot.sock, or /run/opsbot/opsbot.sock for the default DataDir
	Zone    string // default UTC
	Ops     string // address of the group ops, default 127.0.0.1:8081
	Person  string // name of the first person, an operator; default derived from User
	User    string // their local user; default opsbot
}

// Sample returns a commented configuration that holds every key that this version supports, most of them as comments with their defaults. It
// errs when an answer does not fit, with the Mistakes that Load would find.
func Sample(o SampleOptions) ([]byte, error) {
	o.fill()
	t, err := template.New("sample").Funcs(template.FuncMap{"text": oneText}).Parse(sample)
	if err != nil {
		return nil, fmt.Errorf("read the built-in sample: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, o); err != nil {
		return nil, fmt.Errorf("fill in the built-in sample: %w", err)
	}
	if _, err := Parse(out.Bytes(), "opsbot.yaml", Options{}); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (o *SampleOptions) fill() {
	set := func(p *string, to string) {
		if *p == "" {
			*p = to
		}
	}
	if o.DataDir == "" {
		set(&o.Socket, Default().Socket.Path)
	}
	set(&o.DataDir, "/var/lib/opsbot")
	set(&o.Socket, filepath.Join(o.DataDir, "opsbot.sock"))
	set(&o.Zone, "UTC")
	set(&o.Ops, "127.0.0.1:8081")
	set(&o.User, "opsbot")
	set(&o.Person, NameFor(o.User))
}

// NameFor turns the name of a local user into one that a person can have here: anna.k becomes anna-k.
func NameFor(user string) string {
	var out []byte
	for _, r := range []byte(user) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			out = append(out, r)
		case r >= 'A' && r <= 'Z':
			out = append(out, r+'a'-'A')
		case len(out) > 0 && out[len(out)-1] != '-':
			out = append(out, '-')
		}
	}
	name := string(bytes.Trim(out, "-"))
	if !objectName.MatchString(name) {
		return "operator"
	}
	return name
}

// oneText writes a text so that it stands for itself anywhere in YAML, inside [ ] and { } too. JSON strings are YAML (YAML 1.2, section 1.3).
func oneText(s string) (string, error) {
	b, err := json.Marshal(s)
	return string(b), err
}
