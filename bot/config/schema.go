package config

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"reflect"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
)

// Schema returns the JSON schema of the file (draft 2020-12), for editors. It knows keys, shapes and words; references between parts of the file
// are checked by Load alone.
func Schema() ([]byte, error) {
	s := schemaOf(reflect.TypeFor[Config](), "")
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "OpsBot configuration"
	s["required"] = []string{"data_dir"}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return append(b, '\n'), nil
}

// words are the values that a key is limited to.
func words() map[string][]string {
	return map[string][]string{
		"listeners[].serve[]":             {GroupOps, GroupHooks, GroupAgents},
		"log.level":                       {"debug", "info", "warn", "error"},
		"log.format":                      {"auto", "json", "text"},
		"inventory.nodes[].platform":      {"linux", "darwin"},
		"inventory.nodes[].caches[].kind": {"varnish"},
		"freeze[].days[]":                 policy.Days(),
		"freeze[].risk":                   {string(actions.Reversible), string(actions.Disruptive), string(actions.Destructive)},
		"oncall.by[]":                     {ByTerminal, BySlack, ByDiscord},
		"rules[].when.state[]":            {"WARNING", "CRITICAL", "UNKNOWN", "DOWN"},
		"rules[].when.kind":               {"PROBLEM", "CUSTOM"},
		"rules[].diagnose":                {DiagnoseStale},
		"rules[].guard.group":             {"site"},
		"slack[].mode":                    {ModeSocket, ModeHTTP},
		"discord[].mode":                  {ModeGateway, ModeHTTP},
		"jobs[].missed":                   {MissedSkip, MissedOnce},
	}
}

// demanded are the keys that a list element cannot be without.
func demanded() map[string][]string {
	return map[string][]string{
		"listeners[]":                   {"address", "serve"},
		"inventory.nodes[]":             {"name"},
		"inventory.nodes[].caches[]":    {"name", "kind", "url"},
		"inventory.segments[]":          {"name"},
		"inventory.deployments[]":       {"name", "origin"},
		"people[]":                      {"name"},
		"roles[]":                       {"name"},
		"approvals[]":                   {"intents", "role"},
		"quotas[]":                      {"role", "intents", "at_most"},
		"freeze[]":                      {"name", "from", "to"},
		"icinga.notifications[]":        {"name"},
		"icinga.notifications[].hmac[]": {"id"},
		"rules[]":                       {"name", "do"},
		"slack[]":                       {"workspace"},
		"people[].slack[]":              {"workspace", "user"},
		"discord[]":                     {"application"},
		"jobs[]":                        {"name", "at", "do", "owner"},
	}
}

func schemaOf(t reflect.Type, key string) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "string", "pattern": `^([0-9]+w)?([0-9]+d)?([0-9.]+(h|m|s|ms|us|ns))*$`}
	case t == reflect.TypeFor[ClockTime]():
		return map[string]any{"type": "string", "pattern": `^[0-2]?[0-9]:[0-5][0-9]$`}
	case t == reflect.TypeFor[Size]():
		return map[string]any{"type": []string{"string", "integer"}, "pattern": `^[0-9]+(KiB|MiB|GiB)?$`}
	case t == reflect.TypeFor[fs.FileMode]():
		return map[string]any{"type": []string{"string", "integer"}, "pattern": `^0?[0-7]{3}$`}
	}
	switch t.Kind() {
	case reflect.Struct:
		return objectSchema(t, key)
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem(), key+"[]")}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem(), key+".*")}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Uint32:
		return map[string]any{"type": "integer"}
	default:
		s := map[string]any{"type": "string"}
		if w, ok := words()[key]; ok {
			s["enum"] = w
		}
		return s
	}
}

func objectSchema(t reflect.Type, key string) map[string]any {
	properties := map[string]any{}
	for _, f := range fieldsOf(t) {
		p := schemaOf(f.typ, join(key, f.key))
		p["description"] = f.say
		properties[f.key] = p
	}
	s := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if names, ok := demanded()[key]; ok {
		s["required"] = names
	}
	return s
}
