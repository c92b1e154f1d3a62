package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/shitops/opsbot/bot/config"
)

// large is an installation of n nodes with a cache each, and a deployment on all of them.
func large(n int) []byte {
	var b, names strings.Builder
	b.WriteString(base + "inventory:\n  tenants: [acme]\n  nodes:\n")
	for i := range n {
		fmt.Fprintf(&b, "    - name: edge-%dx\n      address: 10.%d.%d.%d\n      site: site-%d\n      labels: {tier: gold}\n", i, i>>16, i>>8&255, i&255, i%50)
		fmt.Fprintf(&b, "      caches:\n        - {name: front, kind: varnish, url: \"http://10.0.0.1:6081\", admin: {address: \"10.0.0.1:6082\", secret_file: varnish.secret}}\n")
		fmt.Fprintf(&names, "edge-%dx, ", i)
	}
	fmt.Fprintf(&b, "  deployments:\n    - {name: news, tenant: acme, origin: \"http://origin.example/m.m3u8\", nodes: [%s]}\n", strings.TrimSuffix(names.String(), ", "))
	return []byte(b.String())
}

func TestLarge(t *testing.T) {
	t.Parallel()
	c := parse(t, string(large(2000)))
	if len(c.Nodes()) != 2000 || len(c.Deployments()[0].Nodes) != 2000 || len(c.Warnings) != 0 {
		t.Errorf("%d nodes, %d of the deployment, warnings %v", len(c.Nodes()), len(c.Deployments()[0].Nodes), c.Warnings)
	}
	// Every reference wrong: the answer comes as fast, and names them all.
	_, err := config.Parse([]byte(strings.ReplaceAll(string(large(2000)), "name: edge-", "name: node-")), "f.yaml", config.Options{})
	if err == nil || !strings.Contains(err.Error(), "and 1900 more") {
		t.Errorf("2000 wrong references give %.300v", err)
	}
}

func BenchmarkParse(b *testing.B) {
	for _, n := range []int{10, 1000} {
		text := large(n)
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := config.Parse(text, "f.yaml", config.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLoadForParse(b *testing.B) {
	text := large(1000)
	for b.Loop() {
		if _, err := config.ParseVocabulary(text, "f.yaml"); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleParse() {
	_, err := config.Parse([]byte(`
data_dir: /var/lib/opsbot
zone: Europe/Berlim
inventory:
  nodes:
    - {name: edge-1, adress: 192.0.2.11}
`), "opsbot.yaml", config.Options{})
	fmt.Println(err)
	// Output:
	// opsbot.yaml:3:7: zone: "Europe/Berlim" is no time zone; write one such as Europe/Berlin or UTC
	// opsbot.yaml:6:22: inventory.nodes[0].adress: unknown key; did you mean "address"?
}

func ExampleDiff() {
	old, err := config.Parse([]byte("data_dir: /d\nlog: {level: info}\n"), "opsbot.yaml", config.Options{})
	if err != nil {
		panic(err)
	}
	now, err := config.Parse([]byte("data_dir: /e\nlog: {level: debug}\ninventory: {nodes: [{name: edge-1}]}\n"), "opsbot.yaml", config.Options{})
	if err != nil {
		panic(err)
	}
	for _, line := range config.Diff(old, now) {
		fmt.Println(line)
	}
	// Output:
	// data_dir: /e, was /d (needs a restart)
	// log.level: debug, was info
	// node edge-1: added
}

func ExampleParseVocabulary() {
	v, err := config.ParseVocabulary([]byte("inventory: {nodes: [{name: edge-1}, {name: mac-1}]}\nsomething: {of: tomorrow}\n"), "opsbot.yaml")
	if err != nil {
		panic(err)
	}
	for _, n := range v.Nodes {
		fmt.Println(n.Name, n.Platform)
	}
	// Output:
	// edge-1 linux
	// mac-1 linux
}
