package config

import (
	"reflect"

	"github.com/shitops/opsbot/actions"
)

// Vocabulary is every name that a command can hold.
type Vocabulary struct {
	Zone        string
	Tenants     []string
	Nodes       []actions.Node
	Deployments []actions.Deployment
	Segments    []Segment
	People      []string
	Rules       []string
	Jobs        []string
}

// spoken is the part of the contract that holds names, in all versions of it.
type spoken struct {
	Zone      string `yaml:"zone"`
	Inventory struct {
		Tenants     []string     `yaml:"tenants"`
		Nodes       []Node       `yaml:"nodes"`
		Segments    []Segment    `yaml:"segments"`
		Deployments []Deployment `yaml:"deployments"`
	} `yaml:"inventory"`
	People []named `yaml:"people"`
	Icinga struct {
		URL string `yaml:"url"`
	} `yaml:"icinga"`
	Rules []named `yaml:"rules"`
	Jobs  []named `yaml:"jobs"`
}

type named struct {
	Name string `yaml:"name"`
}

// LoadForParse reads the names of a file and passes over everything else, keys of other versions included: understanding a sentence needs
// neither folders nor rights. Only what is no YAML, or has another shape, is a mistake.
func LoadForParse(path string) (*Vocabulary, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	return ParseVocabulary(data, path)
}

// ParseVocabulary is LoadForParse for bytes; name is what mistakes bear.
func ParseVocabulary(data []byte, name string) (*Vocabulary, error) {
	d := newDecoder(name, true)
	root, err := d.document(data)
	if err != nil {
		return nil, err
	}
	s := spoken{Zone: Default().Zone}
	d.value("", root, reflect.ValueOf(&s).Elem())
	v := checker{decoder: d}
	v.zone("zone", s.Zone, true)
	if len(d.mistakes) > 0 {
		return nil, inOrder(d.mistakes)
	}
	if !d.has("rules") && s.Icinga.URL != "" {
		for _, r := range DefaultRules() {
			s.Rules = append(s.Rules, named{r.Name})
		}
	}
	return &Vocabulary{
		Zone:        s.Zone,
		Tenants:     s.Inventory.Tenants,
		Nodes:       nodesOf(s.Inventory.Nodes),
		Deployments: deploymentsOf(s.Inventory.Deployments),
		Segments:    s.Inventory.Segments,
		People:      namesOf(s.People),
		Rules:       namesOf(s.Rules),
		Jobs:        namesOf(s.Jobs),
	}, nil
}

// Vocabulary returns the names that the configuration holds.
func (c *Config) Vocabulary() *Vocabulary {
	return &Vocabulary{
		Zone: c.Zone, Tenants: c.Inventory.Tenants, Nodes: c.Nodes(), Deployments: c.Deployments(), Segments: c.Inventory.Segments,
		People: names(c.People, func(p Person) string { return p.Name }),
		Rules:  names(c.Rules, func(r Rule) string { return r.Name }),
		Jobs:   names(c.Jobs, func(j Job) string { return j.Name }),
	}
}

// namesOf leaves out elements without a name: nobody can say them.
func namesOf(list []named) []string {
	var out []string
	for _, e := range list {
		if e.Name != "" {
			out = append(out, e.Name)
		}
	}
	return out
}
