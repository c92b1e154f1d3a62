package config_test

import (
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/internal/secret"
)

func TestWorld(t *testing.T) {
	t.Parallel()
	c := parse(t, full)
	wantNodes := []actions.Node{
		{
			Name: "edge-1", Address: "192.0.2.11", Site: "berlin", Platform: "linux", Labels: map[string]string{"tier": "gold"},
			Caches: []actions.Cache{
				{
					Name: "front", Kind: "varnish", URL: "http://192.0.2.11:6081", AdminAddress: "192.0.2.11:6082",
					AdminSecretFile: "/etc/opsbot/varnish.secret", StatsDir: "/var/lib/varnish/edge-1", Settle: 500 * time.Millisecond,
				},
				{Name: "back", Kind: "varnish", URL: "http://192.0.2.11:6091", AdminAddress: "192.0.2.11:6092", Settle: 2 * time.Second},
			},
		},
		{Name: "mac-1", Address: "2001:db8::31", Site: "hamburg", Platform: "darwin"},
	}
	if diff := cmp.Diff(wantNodes, c.Nodes()); diff != "" {
		t.Errorf("Nodes (-want +got):\n%s", diff)
	}
	wantDeployments := []actions.Deployment{{Name: "news", Tenant: "acme", Origin: "http://origin.example/news/master.m3u8", Nodes: []string{"edge-1", "mac-1"}}}
	if diff := cmp.Diff(wantDeployments, c.Deployments()); diff != "" {
		t.Errorf("Deployments (-want +got):\n%s", diff)
	}
	wantPolicy := policy.Config{
		People: []policy.Person{
			{Name: "anna", Roles: []string{"operator", "viewer"}, Identities: []string{"unix:anna", "unix:root"}, Zone: "Europe/Lisbon"},
			{Name: "bert", Roles: []string{"operator"}, Identities: []string{"unix:bert"}},
		},
		Roles:      []policy.Role{{Name: "viewer", May: []string{"*.show"}, Sites: []string{}, Tenants: []string{"acme"}}, {Name: "operator", May: []string{"*"}}},
		Approvals:  []policy.ApprovalRule{{Intents: []string{"cache.flush", "failover.*"}, Role: "operator", People: 1, Within: 45 * time.Minute}, {Intents: []string{"teach"}, Role: "operator", People: 1, Within: 24 * time.Hour}},
		Quotas:     []policy.Quota{{Role: "operator", Intents: []string{"cache.flush"}, AtMost: 6, Per: 2 * time.Hour}},
		Freezes:    []policy.Freeze{{Name: "prime-time", From: "19:45", To: "01:00", Days: []string{"sat", "sun"}, Risk: actions.Destructive, Zone: "Europe/Berlin"}},
		BreakGlass: policy.BreakGlass{Roles: []string{"operator"}, For: 5 * time.Minute},
		Rules:      []policy.Bound{{Name: "flush-on-low-hit-rate", Owner: "anna"}},
		Jobs:       []policy.Bound{{Name: "morning-prime", Owner: "anna"}},
	}
	if diff := cmp.Diff(wantPolicy, c.Policy()); diff != "" {
		t.Errorf("Policy (-want +got):\n%s", diff)
	}
	if _, err := policy.New(c.Policy()); err != nil {
		t.Errorf("policy.New: %v", err)
	}
	for _, test := range []struct {
		node, cache string
		want        secret.Source
	}{
		{"edge-1", "front", secret.Source{File: "/etc/opsbot/varnish.secret"}},
		{"edge-1", "back", secret.Source{Env: "BACK_SECRET"}},
		{"edge-1", "none", secret.Source{}},
		{"none", "front", secret.Source{}},
	} {
		if got := c.CacheSecret(test.node, test.cache); got != test.want {
			t.Errorf("CacheSecret(%s, %s) = %v, want %v", test.node, test.cache, got, test.want)
		}
	}
	for person, want := range map[string]string{"anna": "Europe/Lisbon", "bert": "Europe/Berlin"} {
		if got := c.LocationOf(person).String(); got != want {
			t.Errorf("LocationOf(%s) = %s, want %s", person, got, want)
		}
	}
}

// TestWorldIsACopy: what a room does with its view must not change the configuration.
func TestWorldIsACopy(t *testing.T) {
	t.Parallel()
	c := parse(t, full)
	hash := c.Hash()
	c.Nodes()[0].Labels["tier"] = "lead"
	c.Nodes()[0].Caches[0].URL = "x"
	c.Deployments()[0].Nodes[0] = "x"
	c.Policy().Roles[1].May[0] = "x"
	c.Policy().People[0].Roles[0] = "x"
	c.Policy().Approvals[0].Intents[0] = "x"
	c.Policy().Quotas[0].Intents[0] = "x"
	c.Policy().Freezes[0].Days[0] = "x"
	c.Policy().BreakGlass.Roles[0] = "x"
	if c.Hash() != hash {
		t.Error("a view of the configuration changed it")
	}
}

func TestVocabulary(t *testing.T) {
	t.Parallel()
	got, err := config.LoadForParse("testdata/opsbot.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Nodes) != 2 || got.Nodes[0].Name != "edge-1" || got.Nodes[1].Platform != "darwin" || got.Nodes[0].Labels["tier"] != "gold" {
		t.Errorf("nodes %+v", got.Nodes)
	}
	got.Nodes = nil
	want := &config.Vocabulary{
		Zone:        "Europe/Berlin",
		Tenants:     []string{"acme", "kidstv"},
		Deployments: []actions.Deployment{{Name: "news", Tenant: "acme", Origin: "http://origin.example/news/master.m3u8", Nodes: []string{"edge-1"}}},
		Segments:    []config.Segment{{Name: "studio-a", VNI: 5001, Tenant: "acme", Nodes: []string{"edge-1", "mac-1"}}},
		People:      []string{"anna"},
		Rules:       []string{"flush-on-low-hit-rate"},
		Jobs:        []string{"morning-prime"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("LoadForParse (-want +got):\n%s", diff)
	}
}

func TestVocabularyIsLenient(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, given, want string }{
		{"nothing", "", ""},
		{"unknown keys", "future: {of: [all, kinds]}\ninventory: {racks: 3, nodes: [{name: Edge_1, rack: 7, caches: [{name: c, kind: squid}]}]}\n", ""},
		{"unknown references", "inventory: {deployments: [{name: news, nodes: [nowhere]}]}\n", ""},
		{"no YAML", "inventory: [", "f.yaml:1:1: no YAML"},
		{"another shape", "inventory: {nodes: edge-1}\n", "f.yaml:1:20: inventory.nodes: must be a list"},
		{"VNI that is none", "inventory: {segments: [{name: a, vni: many}]}\n", `f.yaml:1:39: inventory.segments[0].vni: "many" is no whole number`},
		{"zone", "zone: Mars\n", `f.yaml:1:7: zone: "Mars" is no time zone`},
	} {
		_, err := config.ParseVocabulary([]byte(test.given), "f.yaml")
		if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: ParseVocabulary(%q) = %v, want %q", test.name, test.given, err, test.want)
		}
	}
	if _, err := config.LoadForParse(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("LoadForParse of nothing succeeds")
	}
}

func TestVocabularyOfConfig(t *testing.T) {
	t.Parallel()
	c := parse(t, full)
	fromFile, err := config.ParseVocabulary([]byte(full), "/etc/opsbot/opsbot.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got := c.Vocabulary()
	// The path of a secret is of no use to a parser, and is not made absolute for it.
	got.Nodes[0].Caches[0].AdminSecretFile = fromFile.Nodes[0].Caches[0].AdminSecretFile
	if diff := cmp.Diff(fromFile, got); diff != "" {
		t.Errorf("the two ways to the vocabulary differ (-file +config):\n%s", diff)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		from, to string // replaced in full
		want     []string
		restart  []string
	}{
		{"nothing", "", "", nil, nil},
		{"comment", "zone:", "# here\nzone:", nil, nil},
		{"data_dir", "data_dir: state", "data_dir: /d", []string{`data_dir: /d, was /etc/opsbot/state (needs a restart)`}, []string{"data_dir"}},
		{"socket", `mode: "0600"`, `mode: "0660"`, []string{`socket.mode: "0660", was "0600" (needs a restart)`}, []string{"socket"}},
		{"listener", `serve: [hooks, ops]}`, "serve: [hooks, ops]}\n  - {address: \"[::1]:8081\", serve: [ops]}", []string{
			`listeners: [{address: '127.0.0.1:8081', serve: [hooks, ops]}, {address: '[::1]:8081', serve: [ops]}], was [{address: '127.0.0.1:8081', serve: [hooks, ops]}] (needs a restart)`,
		}, []string{"listeners"}},
		{"retention", "runs: 2w", "runs: 3w", []string{`store.retention.runs: 21d, was 14d`}, nil},
		{"log", "level: debug", "level: info", []string{`log.level: info, was debug`}, nil},
		{"tenants", "[acme, kidstv]", "[acme]", []string{`inventory.tenants: [acme], was [acme, kidstv]`}, nil},
		{"node changed", "address: 192.0.2.11\n      site: berlin", "address: 192.0.2.12\n      site: bonn", []string{`node edge-1: changed: address 192.0.2.12, was 192.0.2.11; site bonn, was berlin`}, nil},
		{"cache changed", "settle: 500ms", "settle: 1s", []string{`node edge-1: changed: caches`}, nil},
		{"node added", "  deployments:", "    - {name: edge-3}\n  deployments:", []string{`node edge-3: added`}, nil},
		{"node gone", "mac-1", "mac-2", []string{
			`node mac-1: gone; what belongs to it is kept as orphaned until a person decides`, `node mac-2: added`,
			`deployment news: changed: nodes [edge-1, mac-2], was [edge-1, mac-1]`,
		}, nil},
		{"person", "unix: [anna, root]", "unix: [anna]", []string{`person anna: changed: unix [anna], was [anna, root]`}, nil},
		{"role", "sites: [], ", "", []string{`role viewer: changed: sites not set, was []`}, nil},
		{"roles in another order", "  - {name: viewer, may: [\"*.show\"], sites: [], tenants: [acme]}\n  - {name: operator, may: [\"*\"]}", "  - {name: operator, may: [\"*\"]}\n  - {name: viewer, may: [\"*.show\"], sites: [], tenants: [acme]}", []string{`roles: in another order`}, nil},
		{"approval", "within: 45m", "within: 50m", []string{
			`approvals: [{intents: [cache.flush, failover.*], role: operator, people: 1, within: 50m}], was [{intents: [cache.flush, failover.*], role: operator, people: 1, within: 45m}]`,
		}, nil},
		{"freeze", "days: [sat, sun], ", "", []string{`freeze prime-time: changed: days not set, was [sat, sun]`}, nil},
		{"on call", "[bert, anna]", "[anna, bert]", []string{`oncall.order: [anna, bert], was [bert, anna]`}, nil},
		{"quiet", "22:00-07", "23:00-07", []string{`person bert: changed: quiet 23:00-07:00, was 22:00-07:00`}, nil},
		{"icinga", "icinga.example", "monitor.example", []string{`icinga.url: https://monitor.example:5665, was https://icinga.example:5665`}, nil},
		{"sender", "bearer_file: icn", "bearer_file: new", []string{`notification icinga-notifications: changed: bearer_file /etc/opsbot/new.token, was /etc/opsbot/icn.token`}, nil},
		{"rule", "enabled: false", "enabled: true", []string{`rule flush-on-low-hit-rate: changed: enabled true, was false`}, nil},
		{"rule gone", "name: flush-on-low-hit-rate", "name: other", []string{`rule flush-on-low-hit-rate: gone`, `rule other: added`}, nil},
		{"job", `do: "prime news"`, `do: "prime all"`, []string{`job morning-prime: changed: do prime all, was prime news`}, nil},
		{"body", "64KiB", "1MiB", []string{`limits.body: 1MiB, was 64KiB`}, nil},
		{"limits", "fanout: 50", "fanout: 60", []string{`limits.fanout: 60, was 50`}, nil},
	} {
		old, now := parse(t, full), parse(t, strings.ReplaceAll(full, test.from, test.to))
		if test.from == "" {
			now = parse(t, full)
		}
		if diff := cmp.Diff(test.want, config.Diff(old, now)); diff != "" {
			t.Errorf("%s: Diff (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(test.restart, config.NeedsRestart(old, now)); diff != "" {
			t.Errorf("%s: NeedsRestart (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestCheckMachine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "opsbot.yaml")
	before, _, _ := strings.Cut(full, "approvals:")
	if err := os.WriteFile(filepath.Join(dir, "export.passphrase"), []byte("correct horse battery staple\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse([]byte(strings.Replace(before, "group: opsbot", "group: no-such-group-here", 1)), file, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	check := func(want ...string) {
		t.Helper()
		got := c.CheckMachine()
		for i, m := range got {
			if i >= len(want) || !strings.Contains(m.String(), want[i]) {
				t.Errorf("CheckMachine says %q, want %q", got, want)
			}
		}
		if len(got) != len(want) {
			t.Errorf("CheckMachine says %q, want %q", got, want)
		}
	}
	group := `opsbot.yaml:5:54: socket.group: there is no group "no-such-group-here" on this machine`
	env := `opsbot.yaml:25:118: inventory.nodes[0].caches[1].admin.secret_env: read environment variable BACK_SECRET: not there`
	at := `opsbot.yaml:22:60: inventory.nodes[0].caches[0].admin.secret_file: read file ` + dir + `/varnish.secret: `
	check(group, at+"not there: create it", env)

	path := filepath.Join(dir, "varnish.secret")
	if err := os.WriteFile(path, []byte("s3cret\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	check(group, at+"open to every user of this machine (mode 0644): run chmod o-rwx", env)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	check(group, env)

	first, err := user.LookupGroupId("0") // root, or wheel on macOS
	if err != nil {
		t.Fatal(err)
	}
	c, err = config.Parse([]byte("data_dir: /d\nsocket: {group: "+first.Name+"}\n"), file, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	check()
}
