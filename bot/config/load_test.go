package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/internal/secret"
)

// base is the least that loads.
const base = "data_dir: /var/lib/opsbot\npeople: [{name: anna, roles: [operator], unix: [anna]}]\n"

// full is a file with every key that this version supports.
const full = `data_dir: state
zone: Europe/Berlin
listeners:
  - {address: "127.0.0.1:8081", serve: [hooks, ops]}
socket: {path: run/opsbot.sock, mode: "0600", group: opsbot}
store:
  retention: {runs: 2w, alerts: 36h, audit: 1w1d12h}
  export: {folder: /var/backups/opsbot, at: "23:59", keep: 3, passphrase_file: export.passphrase}
log: {level: debug, format: text}
inventory:
  tenants: [acme, kidstv]
  nodes:
    - name: edge-1
      address: 192.0.2.11
      site: berlin
      platform: linux
      labels: {tier: gold}
      caches:
        - name: front
          kind: varnish
          url: "http://192.0.2.11:6081"
          admin: {address: "192.0.2.11:6082", secret_file: varnish.secret}
          stats: {varnishstat: /var/lib/varnish/edge-1}
          settle: 500ms
        - {name: back, kind: varnish, url: "http://192.0.2.11:6091", admin: {address: "192.0.2.11:6092", secret_env: BACK_SECRET}}
    - {name: mac-1, address: "2001:db8::31", site: hamburg, platform: darwin}
  deployments:
    - {name: news, tenant: acme, origin: "http://origin.example/news/master.m3u8", nodes: [edge-1, mac-1]}
  segments:
    - {name: studio-a, vni: 5001, tenant: acme, nodes: [edge-1]}
people:
  - {name: anna, roles: [operator, viewer], unix: [anna, root], zone: Europe/Lisbon}
  - {name: bert, roles: [operator], unix: [bert], quiet: "22:00-07:00"}
roles:
  - {name: viewer, may: ["*.show"], sites: [], tenants: [acme]}
  - {name: operator, may: ["*"]}
probe: {every: 0s, alarm_after: 9}
limits: {line: 500, body: 64KiB, plan_steps: 7, fanout: 50}
approvals:
  - {intents: [cache.flush, "failover.*"], role: operator, people: 1, within: 45m}
quotas:
  - {role: operator, intents: [cache.flush], at_most: 6, per: 2h}
freeze:
  - {name: prime-time, from: "19:45", to: "01:00", days: [sat, sun], risk: destructive}
break_glass: {roles: [operator], for: 5m}
oncall:
  order: [bert, anna]
  calendar: {file: oncall.ics}
  escalate_after: 20m
  by: [terminal]
icinga:
  url: "https://icinga.example:5665"
  user: opsbot
  password_file: icinga.password
  ca_file: icinga-ca.crt
  server_name: icinga-master
  register: true
  instance: edge-bot
  certificate_file: opsbot.crt
  key_file: opsbot.key
  pins: ["sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]
  heartbeat: {host: opsbot, every: 2m}
  notifications:
    - {name: icinga2, hmac: [{id: k1, secret_file: hmac1.key}, {id: k2, secret_env: HMAC2}]}
    - {name: icinga-notifications, bearer_file: icn.token}
rules:
  - name: flush-on-low-hit-rate
    when: {service: "Cache Hit Rate", host: "edge-*", state: [WARNING, CRITICAL], kind: CUSTOM}
    diagnose: cache.stale
    do: "flush {{node}} then prime {{deployments}} on {{node}}"
    guard: {cooldown: 40m, group: site, group_cooldown: 20m, at_most: 4, per: 12h, one_at_a_time: false, breaker: 3}
    owner: anna
    enabled: false
    dry_run: true
jobs:
  - {name: morning-prime, at: "30 5 * * *", do: "prime news", owner: anna, missed: once}
`

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse([]byte(text), "/etc/opsbot/opsbot.yaml", config.Options{})
	if err != nil {
		t.Fatalf("Parse:\n%v\nof\n%s", err, text)
	}
	return c
}

func TestFull(t *testing.T) {
	t.Parallel()
	got := parse(t, full)
	want := &config.Config{
		File:      "/etc/opsbot/opsbot.yaml",
		DataDir:   "/etc/opsbot/state",
		Zone:      "Europe/Berlin",
		Listeners: []config.Listener{{Address: "127.0.0.1:8081", Serve: []string{"hooks", "ops"}}},
		Socket:    config.Socket{Path: "/etc/opsbot/run/opsbot.sock", Mode: 0o600, Group: "opsbot"},
		Store: config.Store{
			Retention: config.Retention{Runs: 14 * 24 * time.Hour, Alerts: 36 * time.Hour, Audit: 204 * time.Hour},
			Export:    config.Export{Folder: "/var/backups/opsbot", At: config.ClockTime(23*time.Hour + 59*time.Minute), Keep: 3, Passphrase: secret.Source{File: "/etc/opsbot/export.passphrase"}},
		},
		Log: config.Log{Level: "debug", Format: "text"},
		Inventory: config.Inventory{
			Tenants: []string{"acme", "kidstv"},
			Nodes: []config.Node{
				{
					Name: "edge-1", Address: "192.0.2.11", Site: "berlin", Platform: "linux", Labels: map[string]string{"tier": "gold"},
					Caches: []config.Cache{
						{
							Name: "front", Kind: "varnish", URL: "http://192.0.2.11:6081",
							Admin:  config.Admin{Address: "192.0.2.11:6082", Secret: secret.Source{File: "/etc/opsbot/varnish.secret"}},
							Stats:  config.Stats{Varnishstat: "/var/lib/varnish/edge-1"},
							Settle: 500 * time.Millisecond,
						},
						{
							Name: "back", Kind: "varnish", URL: "http://192.0.2.11:6091",
							Admin:  config.Admin{Address: "192.0.2.11:6092", Secret: secret.Source{Env: "BACK_SECRET"}},
							Settle: 2 * time.Second,
						},
					},
				},
				{Name: "mac-1", Address: "2001:db8::31", Site: "hamburg", Platform: "darwin"},
			},
			Segments:    []config.Segment{{Name: "studio-a", VNI: 5001, Tenant: "acme", Nodes: []string{"edge-1"}}},
			Deployments: []config.Deployment{{Name: "news", Tenant: "acme", Origin: "http://origin.example/news/master.m3u8", Nodes: []string{"edge-1", "mac-1"}}},
		},
		People: []config.Person{
			{Name: "anna", Roles: []string{"operator", "viewer"}, Unix: []string{"anna", "root"}, Zone: "Europe/Lisbon"},
			{Name: "bert", Roles: []string{"operator"}, Unix: []string{"bert"}, Quiet: "22:00-07:00"},
		},
		Roles: []config.Role{
			{Name: "viewer", May: []string{"*.show"}, Sites: []string{}, Tenants: []string{"acme"}},
			{Name: "operator", May: []string{"*"}},
		},
		Probe:     config.Probe{AlarmAfter: 9},
		Limits:    config.Limits{Line: 500, Body: 64 << 10, PlanSteps: 7, Fanout: 50},
		Approvals: []config.Approval{{Intents: []string{"cache.flush", "failover.*"}, Role: "operator", People: 1, Within: 45 * time.Minute}},
		Quotas:    []config.Quota{{Role: "operator", Intents: []string{"cache.flush"}, AtMost: 6, Per: 2 * time.Hour}},
		Freeze: []config.Freeze{{
			Name: "prime-time", From: config.ClockTime(19*time.Hour + 45*time.Minute), To: config.ClockTime(time.Hour), Days: []string{"sat", "sun"}, Risk: "destructive",
		}},
		BreakGlass: config.BreakGlass{Roles: []string{"operator"}, For: 5 * time.Minute},
		OnCall: config.OnCall{
			Order: []string{"bert", "anna"}, Calendar: config.CalendarFile{File: "/etc/opsbot/oncall.ics"}, EscalateAfter: 20 * time.Minute, By: []string{"terminal"},
		},
		Icinga: config.Icinga{
			URL: "https://icinga.example:5665", User: "opsbot", Password: secret.Source{File: "/etc/opsbot/icinga.password"},
			CAFile: "/etc/opsbot/icinga-ca.crt", ServerName: "icinga-master", Stream: true, Register: true, Instance: "edge-bot",
			Certificate: "/etc/opsbot/opsbot.crt", Key: "/etc/opsbot/opsbot.key", Pins: []string{"sha256//" + strings.Repeat("A", 43) + "="},
			Heartbeat: config.Heartbeat{Host: "opsbot", Service: "OpsBot Heartbeat", Every: 2 * time.Minute},
			Notifications: []config.Notification{
				{Name: "icinga2", HMAC: []config.HMACKey{{ID: "k1", Secret: secret.Source{File: "/etc/opsbot/hmac1.key"}}, {ID: "k2", Secret: secret.Source{Env: "HMAC2"}}}},
				{Name: "icinga-notifications", Bearer: secret.Source{File: "/etc/opsbot/icn.token"}},
			},
		},
		Rules: []config.Rule{{
			Name:     "flush-on-low-hit-rate",
			When:     config.When{Service: "Cache Hit Rate", Host: "edge-*", State: []string{"WARNING", "CRITICAL"}, Kind: "CUSTOM"},
			Diagnose: "cache.stale",
			Do:       "flush {{node}} then prime {{deployments}} on {{node}}",
			Guard:    config.Guard{Cooldown: 40 * time.Minute, Group: "site", GroupCooldown: 20 * time.Minute, AtMost: 4, Per: 12 * time.Hour, Breaker: 3},
			Owner:    "anna", DryRun: true,
		}},
		Jobs: []config.Job{{Name: "morning-prime", At: "30 5 * * *", Do: "prime news", Owner: "anna", Missed: "once"}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(config.Config{})); diff != "" {
		t.Errorf("Parse(full) (-want +got):\n%s", diff)
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got := parse(t, "data_dir: /d\nlog:\n  level: warn\npeople:\nroles:\n")
	want := config.Default()
	want.File, want.DataDir, want.Log.Level = "/etc/opsbot/opsbot.yaml", "/d", "warn"
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(config.Config{}), cmpopts.IgnoreFields(config.Config{}, "Warnings")); diff != "" {
		t.Errorf("a key with nothing behind it, or one key of a set, must leave the other defaults (-want +got):\n%s", diff)
	}
}

// TestMistakes has one case for each class of mistake. The place is that of the value, or of the key where there is no value.
func TestMistakes(t *testing.T) {
	t.Parallel()
	node := func(rest string) string { return base + "inventory:\n  nodes:\n    - {name: edge-1, " + rest + "}\n" }
	cache := func(rest string) string { return node("caches: [{name: front, kind: varnish, " + rest + "}]") }
	for _, test := range []struct {
		name, given string
		want        string // line:column: key: beginning of the sentence
	}{
		// The file as YAML.
		{"no data_dir", "zone: UTC\n", `1:1: data_dir: is missing`},
		{"empty file", "", `1:1: data_dir: is missing`},
		{"comments alone", "# nothing\n", `1:1: data_dir: is missing`},
		{"no YAML", "data_dir: /d\nlog: [\n", `2:1: no YAML: `},
		{"tab", "data_dir: /d\nlog:\n\tlevel: info\n", `3:2: no YAML: found character that cannot start any token`},
		{"a list", "- a\n", `1:1: must be a set of keys, not a list`},
		{"one word", "hello\n", `1:1: must be a set of keys, not "hello"`},
		{"second document", base + "---\nzone: UTC\n", `3:1: a second document begins here`},
		{"broken second document", base + "---\n[", `4:1: no YAML: `},
		{"alias", base + "log: &l {level: info}\nlimits: *l\n", `4:9: limits: aliases (*l) are not supported`},
		{"merge key", base + "log:\n  <<: {level: info}\n", `4:3: log.<<: unknown key; known: level, format`},
		{"tag", base + "zone: !!str UTC\n", `3:7: zone: tags (!!str) are not supported`},
		// Keys.
		{"mistyped key", base + "lstore: {}\n", `3:1: lstore: unknown key; did you mean "store"?`},
		{"mistyped inner key", node("adress: 192.0.2.1"), `5:22: inventory.nodes[0].adress: unknown key; did you mean "address"?`},
		{"key of another place", base + "nodes: []\n", `3:1: nodes: unknown key; it belongs under inventory`},
		{"key of nowhere", base + "log: {quarkstrudel: 1}\n", `3:7: log.quarkstrudel: unknown key; known: level, format`},
		{"mistyped later key", base + "discordd: {}\n", `3:1: discordd: unknown key; did you mean "discord"?`},
		{"later key", base + "trusted_proxies: []\n", `3:1: trusted_proxies: is not supported by this version yet; leave it out`},
		{"later inner key", base + "store: {url: \"nats://h\"}\n", `3:9: store.url: is not supported by this version yet`},
		{"key twice", base + "zone: UTC\nzone: UTC\n", `4:1: zone: is here twice`},
		{"label twice", node("labels: {a: b, a: c}"), `5:37: inventory.nodes[0].labels.a: is here twice`},
		// Shapes.
		{"text for a list", base + "listeners: ops\n", `3:12: listeners: must be a list, not "ops"`},
		{"list for a text", base + "zone: [UTC]\n", `3:7: zone: must be one value, not a list`},
		{"set for a list", base + "roles: {a: b}\n", `3:8: roles: must be a list, not a set of keys`},
		{"list for a set", base + "log: [info]\n", `3:6: log: must be a set of keys, not a list`},
		{"list for labels", node("labels: [a]"), `5:30: inventory.nodes[0].labels: must be a set of keys, not a list`},
		{"text for an element", base + "inventory: {nodes: [edge-1]}\n", `3:21: inventory.nodes[0]: must be a set of keys, not "edge-1"`},
		{"empty element", base + "inventory:\n  tenants:\n    -\n", `5:6: inventory.tenants[0]: is empty`},
		// Values.
		{"no number", base + "limits: {fanout: many}\n", `3:18: limits.fanout: "many" is no whole number`},
		{"half a number", base + "limits: {fanout: 1.5}\n", `3:18: limits.fanout: "1.5" is no whole number`},
		{"number too large", base + "limits: {fanout: 99999999999}\n", `3:18: limits.fanout: "99999999999" is no whole number of this size`},
		{"number out of bounds", base + "limits: {line: 0}\n", `3:16: limits.line: 0 is out of bounds; 1 to 1048576`},
		{"plan_steps out of bounds", base + "limits: {plan_steps: -1}\n", `3:22: limits.plan_steps: -1 is out of bounds`},
		{"no duration", base + "store: {retention: {runs: soon}}\n", `3:27: store.retention.runs: "soon" is no duration; write one such as 30s, 24h, 90d, 2w`},
		{"negative duration", base + "store: {retention: {runs: -5h}}\n", `3:27: store.retention.runs: "-5h" is no duration`},
		{"short retention", base + "store: {retention: {audit: 5m}}\n", `3:28: store.retention.audit: 5m is too short; at least 1h`},
		{"no time of day", base + "store: {export: {at: \"25:00\"}}\n", `3:22: store.export.at: "25:00" is no time of day`},
		{"keep nothing", base + "store: {export: {keep: 0}}\n", `3:24: store.export.keep: 0 is out of bounds`},
		{"no zone", base + "zone: Mars/Olympus\n", `3:7: zone: "Mars/Olympus" is no time zone`},
		{"local zone", base + "zone: Local\n", `3:7: zone: "Local" is no time zone`},
		{"log level", base + "log: {level: inf}\n", `3:14: log.level: "inf" is not known; did you mean "info"?`},
		{"log format", base + "log: {format: yaml}\n", `3:15: log.format: "yaml" is not known; known: auto, json, text`},
		{"empty data_dir", "data_dir: \"\"\n", `1:11: data_dir: is empty`},
		{"control character", base + "log: {level: \"in\\u0000fo\"}\n", `3:14: log.level: `},
		// Secrets.
		{"token", base + "zone: xoxb-1234567890-abcdef\n", `3:7: zone: `},
		{"token in an unknown key", base + "whatever: {deep: [xapp-1-A0123-456-abcdef]}\n", `3:19: whatever.deep[0]: looks like a secret`},
		{"token as a key", base + "log: {xoxb-1234567890-abcdef: 1}\n", `3:7: log.***: unknown key`},
		{"two places", cache(`url: "http://h", admin: {address: "h:1", secret_file: a, secret_env: B}`), `5:129: inventory.nodes[0].caches[0].admin.secret_env: is one place too many`},
		{"variable with a value", cache(`url: "http://h", admin: {address: "h:1", secret_env: "a=b"}`), `5:113: inventory.nodes[0].caches[0].admin.secret_env: is no name of a variable`},
		{"credential with a path", cache(`url: "http://h", admin: {address: "h:1", secret_credential: "../x"}`), `5:120: inventory.nodes[0].caches[0].admin.secret_credential: is no name of a credential`},
		// Listeners and the socket.
		{"listener without address", base + "listeners: [{serve: [ops]}]\n", `3:13: listeners[0].address: is missing`},
		{"listener without port", base + "listeners: [{address: localhost, serve: [ops]}]\n", `3:23: listeners[0].address: "localhost" is no address`},
		{"listener with no port", base + "listeners: [{address: \"h:http\", serve: [ops]}]\n", `3:23: listeners[0].address: "http" is no port; 0 to 65535`},
		{"listener serves nothing", base + "listeners: [{address: \"h:1\"}]\n", `3:13: listeners[0].serve: is missing`},
		{"listener twice", base + "listeners: [{address: \"[::1]:1\", serve: [ops]}, {address: \"[::1]:1\", serve: [ops]}]\n", `3:59: listeners[1].address: "[::1]:1" is here twice; the first one is listeners[0].address (line 3)`},
		{"group of later", base + "listeners: [{address: \"h:1\", serve: [console]}]\n", `3:38: listeners[0].serve[0]: "console" comes with a later release; this one knows ops, hooks`},
		{"unknown group", base + "listeners: [{address: \"h:1\", serve: [opps]}]\n", `3:38: listeners[0].serve[0]: "opps" is not known; did you mean "ops"?`},
		{"group twice", base + "listeners: [{address: \"h:1\", serve: [ops, ops]}]\n", `3:43: listeners[0].serve[1]: "ops" is here twice`},
		{"no socket", base + "socket: {path: \"\"}\n", `3:16: socket.path: is empty`},
		{"long socket", base + "socket: {path: /" + strings.Repeat("x", 103) + "}\n", `3:16: socket.path: has 104 bytes; the system takes at most 103`},
		{"socket mode", base + "socket: {mode: \"rw\"}\n", `3:16: socket.mode: "rw" are no file rights`},
		{"socket mode for nobody", base + "socket: {mode: \"0060\"}\n", `3:16: socket.mode: "0060" shuts the bot itself out`},
		{"socket group", base + "socket: {group: \"a b\"}\n", `3:17: socket.group: "a b" is no name of a group`},
		// Names.
		{"no name", base + "inventory: {nodes: [{site: berlin}]}\n", `3:21: inventory.nodes[0].name: is missing`},
		{"hasty probing", base + "probe: {every: 10ms}\n", `3:16: probe.every: 10ms is too short; at least 1s`},
		{"rare probing", base + "probe: {every: 2h}\n", `3:16: probe.every: 2h is too long; at most 1h`},
		{"alarm after nothing", base + "probe: {alarm_after: 0}\n", `3:22: probe.alarm_after: 0 is out of bounds; 1 to 100`},
		{"reserved VNI", base + "inventory: {segments: [{name: a1, vni: 5}]}\n", `3:40: inventory.segments[0].vni: VNI 5: the VNI is reserved`},
		{"VNI twice", base + "inventory: {segments: [{name: a1, vni: 5001}, {name: b2, vni: 5001}]}\n", `3:63: inventory.segments[1].vni: segment "a1" has VNI 5001, too`},
		{"segment on no node", base + "inventory: {segments: [{name: a1, nodes: [edge-1]}]}\n", `3:43: inventory.segments[0].nodes[0]: there is no node "edge-1"`},
		{"bad name", base + "inventory: {nodes: [{name: Edge_1}]}\n", `3:28: inventory.nodes[0].name: "Edge_1" is no name`},
		{"look-alike letter", base + "inventory: {nodes: [{name: \"\u0435dge-1\"}]}\n", `3:28: inventory.nodes[0].name: "\u0435dge-1" is no name`},
		{"long name", base + "inventory: {nodes: [{name: " + strings.Repeat("n", 64) + "}]}\n", `3:28: inventory.nodes[0].name: `},
		{"name twice", base + "inventory: {nodes: [{name: a1}, {name: a1}]}\n", `3:40: inventory.nodes[1].name: "a1" is here twice; the first one is inventory.nodes[0].name (line 3)`},
		{"name that sounds the same", base + "inventory: {nodes: [{name: edge-2}, {name: edge2}]}\n", `3:44: inventory.nodes[1].name: "edge2" and "edge-2" are the same when they are said`},
		{"name of the language", base + "inventory: {nodes: [{name: all}]}\n", `3:28: inventory.nodes[0].name: "all" is a word of the command language`},
		{"name of a run", base + "inventory: {nodes: [{name: r-17}]}\n", `3:28: inventory.nodes[0].name: "r-17" would be taken for a run`},
		{"tenant twice", base + "inventory: {tenants: [acme, acme]}\n", `3:29: inventory.tenants[1]: "acme" is here twice`},
		{"cache twice", base + "inventory: {nodes: [{name: a, caches: [{name: c, kind: varnish, url: \"http://h\"}, {name: c, kind: varnish, url: \"http://h\"}]}]}\n", `3:90: inventory.nodes[0].caches[1].name: "c" is here twice`},
		{"site", node("site: \"Ber lin\""), `5:28: inventory.nodes[0].site: "Ber lin" is no name`},
		// Nodes and caches.
		{"node address", node("address: edge-1.example"), `5:31: inventory.nodes[0].address: "edge-1.example" is no IP address`},
		{"node address of all", node("address: 0.0.0.0"), `5:31: inventory.nodes[0].address: "0.0.0.0" is no IP address of a node`},
		{"empty node address", node("address: \"\""), `5:31: inventory.nodes[0].address: is empty`},
		{"platform", node("platform: windows"), `5:32: inventory.nodes[0].platform: "windows" is not known; known: linux, darwin`},
		{"label", node("labels: {Tier: gold}"), `5:37: inventory.nodes[0].labels.Tier: "Tier" is no label`},
		{"label value", node("labels: {tier: \"a b\"}"), `5:37: inventory.nodes[0].labels.tier: "a b" is no value of a label`},
		{"cache of later", node("caches: [{name: front, kind: nginx, url: \"http://h\"}]"), `5:51: inventory.nodes[0].caches[0].kind: "nginx" comes with a later release; this one knows varnish`},
		{"cache of no kind", node("caches: [{name: front, url: \"http://h\"}]"), `5:31: inventory.nodes[0].caches[0].kind: is missing`},
		{"cache without url", cache("settle: 1s"), `5:31: inventory.nodes[0].caches[0].url: is missing`},
		{"cache url", cache("url: \"192.0.2.1:80\""), `5:65: inventory.nodes[0].caches[0].url: "192.0.2.1:80" is no address of the web`},
		{"cache url of files", cache("url: \"file:///etc/passwd\""), `5:65: inventory.nodes[0].caches[0].url: "file:///etc/passwd" is no address of the web`},
		{"cache url with a password", cache("url: \"http://u:p@h/\""), `5:65: inventory.nodes[0].caches[0].url: `},
		{"cache url with a user", cache("url: \"http://u@h/\""), `5:65: inventory.nodes[0].caches[0].url: holds a user name or password`},
		{"cache url with a fragment", cache("url: \"http://h/#x\""), `5:65: inventory.nodes[0].caches[0].url: holds a fragment (#x)`},
		{"cache settle", cache("url: \"http://h\", settle: 1h"), `5:85: inventory.nodes[0].caches[0].settle: 1h is too long; at most 5m`},
		{"admin address", cache("url: \"http://h\", admin: {address: \"6082\"}"), `5:94: inventory.nodes[0].caches[0].admin.address: "6082" is no address`},
		{"admin address without host", cache("url: \"http://h\", admin: {address: \":6082\"}"), `5:94: inventory.nodes[0].caches[0].admin.address: ":6082" has no host`},
		{"admin port 0", cache("url: \"http://h\", admin: {address: \"h:0\"}"), `5:94: inventory.nodes[0].caches[0].admin.address: "0" is no port; 1 to 65535`},
		{"admin without address", cache("url: \"http://h\", admin: {secret_file: a}"), `5:84: inventory.nodes[0].caches[0].admin.address: is missing`},
		{"stats path", cache("url: \"http://h\", stats: {varnishstat: edge-1}"), `5:98: inventory.nodes[0].caches[0].stats.varnishstat: "edge-1" is no absolute path`},
		// References.
		{"unknown node", base + "inventory:\n  nodes: [{name: edge-1}]\n  deployments: [{name: news, origin: \"http://h/m.m3u8\", nodes: [edge-11]}]\n", `5:65: inventory.deployments[0].nodes[0]: there is no node "edge-11"; did you mean "edge-1"?`},
		{"node twice", base + "inventory:\n  nodes: [{name: e}]\n  deployments: [{name: news, origin: \"http://h/m.m3u8\", nodes: [e, e]}]\n", `5:68: inventory.deployments[0].nodes[1]: "e" is here twice`},
		{"unknown tenant", base + "inventory:\n  tenants: [acme]\n  deployments: [{name: news, tenant: acne, origin: \"http://h/m.m3u8\"}]\n", `5:38: inventory.deployments[0].tenant: there is no tenant "acne"; did you mean "acme"?`},
		{"no origin", base + "inventory:\n  deployments: [{name: news}]\n", `4:17: inventory.deployments[0].origin: is missing`},
		{"unknown role", "data_dir: /d\npeople: [{name: anna, roles: [operater], unix: [anna]}]\n", `2:31: people[0].roles[0]: there is no role "operater"; did you mean "operator"?`},
		{"role twice", "data_dir: /d\npeople: [{name: anna, roles: [viewer, viewer], unix: [anna]}]\n", `2:39: people[0].roles[1]: "viewer" is here twice`},
		{"roles of one name", base + "roles: [{name: operator, may: [\"*\"]}, {name: operator, may: [help]}]\n", `3:46: roles[1].name: "operator" is here twice`},
		{"unknown tenant of a role", base + "roles: [{name: operator, may: [\"*\"], tenants: [acme]}]\n", `3:48: roles[0].tenants[0]: there is no tenant "acme"`},
		{"sites of nothing", base + "roles: [{name: operator, may: [\"*\"], sites: }]\n", `3:45: roles[0].sites: is empty, which could mean all or none`},
		{"right that is none", base + "roles: [{name: operator, may: [\"cache flush\"]}]\n", `3:32: roles[0].may[0]: "cache flush" is no intent`},
		{"empty right", base + "roles: [{name: operator, may: [\"\"]}]\n", `3:32: roles[0].may[0]: is empty`},
		// People.
		{"two people of one user", base[:len(base)-2] + ", {name: bert, roles: [viewer], unix: [anna]}]\n", `2:94: people[1].unix[0]: "anna" is here twice; the first one is people[0].unix[0] (line 2)`},
		{"local user", "data_dir: /d\npeople: [{name: anna, roles: [viewer], unix: [\"a b\"]}]\n", `2:47: people[0].unix[0]: "a b" is no name of a local user`},
		{"zone of a person", "data_dir: /d\npeople: [{name: anna, roles: [viewer], unix: [a], zone: CEST-ish}]\n", `2:57: people[0].zone: "CEST-ish" is no time zone`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Parse([]byte(test.given), "f.yaml", config.Options{})
			var got config.Mistakes
			if c != nil || !errors.As(err, &got) {
				t.Fatalf("Parse = %v, %v, want Mistakes; given\n%s", c, err, test.given)
			}
			if !strings.Contains(got.Error(), "f.yaml:"+test.want) {
				t.Errorf("Parse says\n%s\nwant f.yaml:%s\ngiven\n%s", got, test.want, test.given)
			}
			for _, m := range got {
				if m.Line < 1 || m.Column < 1 || m.Say == "" {
					t.Errorf("mistake without a place or a sentence: %+v", m)
				}
				for _, token := range []string{"1234567890-abcdef", "456-abcdef"} {
					if strings.Contains(m.String(), token) {
						t.Errorf("mistake %q gives a token away", m)
					}
				}
			}
		})
	}
}

func TestEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Parse([]byte(`zone: Nowhere
lisetners: []
inventory:
  nodes:
    - {name: edge-1, platform: amiga, adress: 1.2.3.4}
    - {name: edge-1}
  deployments: [{name: news, nodes: [edge-9]}]
people: [{name: anna, roles: [boss]}]
public_url: "https://ops.example"
`), "f.yaml", config.Options{})
	want := strings.TrimSpace(`
f.yaml:1:1: data_dir: is missing; it says where everything that must survive is kept, such as /var/lib/opsbot
f.yaml:1:7: zone: "Nowhere" is no time zone; write one such as Europe/Berlin or UTC
f.yaml:2:1: lisetners: unknown key; did you mean "listeners"?
f.yaml:5:32: inventory.nodes[0].platform: "amiga" is not known; known: linux, darwin
f.yaml:5:39: inventory.nodes[0].adress: unknown key; did you mean "address"?
f.yaml:6:14: inventory.nodes[1].name: "edge-1" is here twice; the first one is inventory.nodes[0].name (line 5)
f.yaml:7:17: inventory.deployments[0].origin: is missing; it is the URL of the master playlist
f.yaml:7:38: inventory.deployments[0].nodes[0]: there is no node "edge-9"; did you mean "edge-1"?
f.yaml:8:31: people[0].roles[0]: there is no role "boss"; known: viewer, operator
f.yaml:9:1: public_url: is not supported by this version yet; leave it out`)
	if err == nil || err.Error() != want {
		t.Errorf("Parse says\n%v\nwant\n%s", err, want)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	intents := []string{"help", "cache.flush", "node.list"}
	for _, test := range []struct {
		name, given string
		want        []string
	}{
		{"nothing to warn about", base, nil},
		{"segment of nobody", base + "inventory: {tenants: [acme, kidstv], segments: [{name: a1}]}\n", []string{`3:49: inventory.segments[0]: segment "a1" is not made until it says whose it is: there are 2 tenants`}},
		{"segment without tunnel", base + "inventory: {nodes: [{name: edge-1}], segments: [{name: a1, nodes: [edge-1]}]}\n", []string{`3:68: inventory.segments[0].nodes[0]: node "edge-1" has no IP address under inventory.nodes, and tunnels need one`}},
		{"nobody", "data_dir: /d\n", []string{`1:1: people: there is nobody who may ask for anything; add a person`}},
		{"person of no role", "data_dir: /d\npeople: [{name: anna}]\n", []string{
			`2:10: people[0]: anna has no role and may nothing`,
			`2:10: people[0]: anna cannot be recognised: no identity is given, such as unix: [anna]`,
		}},
		{"ops for all", base + "listeners: [{address: \":8081\", serve: [ops]}]\n", []string{`3:23: listeners[0].address: the group ops is not meant for other machines`}},
		{"ops for all by name", base + "listeners: [{address: \"0.0.0.0:8081\", serve: [ops]}]\n", []string{`3:23: listeners[0].address: the group ops is not meant`}},
		{"ops for here", base + "listeners: [{address: \"localhost:0\", serve: [ops]}, {address: \"[::1]:0\", serve: [ops]}, {address: \"[::1]:0\", serve: [ops]}]\n", nil},
		{"socket for all", base + "socket: {mode: 666}\n", []string{`3:16: socket.mode: "0666" lets every user of this machine talk to the bot`}},
		{"export beside the state", base + "store: {export: {folder: /var/lib/opsbot/export}}\n", []string{`3:26: store.export.folder: lies inside data_dir`}},
		{"rights of later", base + "roles: [{name: operator, may: [\"cache.*\", cache.flsh, \"segment.*\", \"*\"]}]\n", []string{
			`3:43: roles[0].may[1]: "cache.flsh" matches nothing that this version can do; did you mean "cache.flush"?`,
			`3:55: roles[0].may[2]: "segment.*" matches nothing that this version can do`,
		}},
		{"role of nothing", base + "roles: [{name: operator}]\n", []string{`3:9: roles[0].may: role operator may nothing`}},
		{"site of nobody", base + "inventory: {nodes: [{name: e, site: berlin}]}\nroles: [{name: operator, may: [\"*\"], sites: [berlin, berln, \"*\"]}]\n", []string{
			`4:54: roles[0].sites[1]: no node of this file is in site "berln"; did you mean "berlin"?`,
		}},
		{"name of digits", base + "inventory: {nodes: [{name: 12-3}]}\n", []string{`3:28: inventory.nodes[0].name: "12-3" is a number`}},
		{"address twice", base + "inventory: {nodes: [{name: a, address: 192.0.2.1}, {name: b, address: 192.0.2.1}, {name: c, address: 127.0.0.1}, {name: d, address: 127.0.0.1}]}\n", []string{
			`3:71: inventory.nodes[1].address: b has the address of a`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Parse([]byte(test.given), "f.yaml", config.Options{Intents: intents})
			if err != nil {
				t.Fatalf("Parse: %v; given\n%s", err, test.given)
			}
			if len(c.Warnings) != len(test.want) {
				t.Fatalf("warnings %v, want %q; given\n%s", c.Warnings, test.want, test.given)
			}
			for i, w := range c.Warnings {
				if !strings.HasPrefix(w.String(), "f.yaml:"+test.want[i]) {
					t.Errorf("warning %q, want %q; given\n%s", w, test.want[i], test.given)
				}
			}
		})
	}
}

func TestManyMistakes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("data_dir: /d\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "key%d: 1\n", i)
	}
	_, err := config.Parse([]byte(b.String()), "f.yaml", config.Options{})
	var got config.Mistakes
	if !errors.As(err, &got) || len(got) != 5000 {
		t.Fatalf("%d mistakes, want 5000", len(got))
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 101 || lines[100] != "and 4900 more" {
		t.Errorf("Error has %d lines and ends with %q, want 100 and the number of the others", len(lines), lines[len(lines)-1])
	}
}

func TestLoadFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, config.MaxSize+1); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ path, want string }{
		{filepath.Join(dir, "none.yaml"), "none.yaml: there is no such file; opsbot init writes one"},
		{dir, ": is no file"},
		{large, "large.yaml: has more than 16777216 bytes"},
	} {
		_, err := config.Load(test.path, config.Options{})
		if ms := (config.Mistakes)(nil); !errors.As(err, &ms) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Load(%s) = %v, want Mistakes with %q", test.path, err, test.want)
		}
	}
	good := filepath.Join(dir, "opsbot.yaml")
	if err := os.WriteFile(good, []byte(full), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(good, config.Options{})
	if err != nil || c.File != good || c.DataDir != filepath.Join(dir, "state") {
		t.Errorf("Load(%s) = %+v, %v, want paths inside %s", good, c, err, dir)
	}
	if _, err := config.Parse(make([]byte, config.MaxSize+1), "f.yaml", config.Options{}); err == nil {
		t.Error("Parse takes more than MaxSize bytes")
	}
}
