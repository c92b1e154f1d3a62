package icinga

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/shitops/opsbot/internal/atomicfile"
	"github.com/shitops/opsbot/internal/secret"
)

//go:embed kit/*.tmpl
var kitFiles embed.FS

// KitOptions say what the configuration files for Icinga2 hold. Password or ClientCN is required.
type KitOptions struct {
	Program    string        // path of opsbot on the machine of Icinga2; "" = /usr/bin/opsbot
	Config     string        // --config of the checks; "" = none is given
	NotifyArgs []string      // behind "opsbot notify": where the bot is, which key signs
	User       string        // name of the ApiUser; "" = opsbot
	Password   secret.Secret // of the ApiUser; none = it is known by its certificate alone
	ClientCN   string        // common name of the client certificate that the bot shows; "" = none
	BotHost    string        // name of the host that stands for the bot; "" = opsbot
	HostCheck  string        // check command of nodes that the bot registers; "" = hostalive
	People     []string      // groups of users who are told about the bot itself; none = nobody is, by the kit
	// PeopleCommand is the NotificationCommand that tells them; "" = mail-service-notification, which Debian's package brings.
	PeopleCommand string
	Warning       string        // range of the hit ratio; "" = 85:
	Critical      string        // range of the hit ratio; "" = 70:
	Reminder      time.Duration // between two notifications of one problem; 0 = 10 min
	Force         bool          // replace files that are there and differ
}

// Kit writes Icinga2's side into a folder: an ApiUser that may do what a Client does and nothing else, commands for checks and notifications, the
// templates of nodes and their services (opsbot-edge, opsbot-node, opsbot-service, opsbot-reported, opsbot-hit-rate, opsbot-stream-latency), the
// services "Cache Hit Rate", "Stream Latency ...", "Remote Login", "OpsBot Heartbeat" and "OpsBot Spool", and the rules that notify. Copy them to
// /etc/icinga2/conf.d or to a zone. The file with the password is readable by its owner and group. It returns the names that it wrote.
//
// Without Force, files that are there with another content are named in an error that holds fs.ErrExist, and nothing is written.
func Kit(dir string, opt KitOptions) ([]string, error) {
	files, err := KitFiles(opt)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(files))
	var differ []string
	for _, name := range names {
		old, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && !bytes.Equal(old, files[name]) {
			differ = append(differ, name)
		}
	}
	if len(differ) > 0 && !opt.Force {
		return nil, fmt.Errorf("icinga kit: %s: %w: %s; move them away, or replace them by --force", dir, fs.ErrExist, strings.Join(differ, ", "))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("icinga kit: %w", err)
	}
	for _, name := range names {
		mode := fs.FileMode(0o644)
		if name == "opsbot-api-user.conf" {
			mode = 0o640
		}
		if err := atomicfile.Write(filepath.Join(dir, name), files[name], mode); err != nil {
			return nil, fmt.Errorf("icinga kit: %w", err)
		}
	}
	return names, nil
}

// KitFiles returns what Kit writes, by name.
func KitFiles(opt KitOptions) (map[string][]byte, error) {
	if opt.Password.Line() == "" && opt.ClientCN == "" {
		return nil, errors.New("icinga kit: the ApiUser needs a password, or the name of a certificate")
	}
	data := kitData(opt)
	t, err := template.New("kit").Funcs(template.FuncMap{"quote": quote, "macro": macro, "argv": argv}).ParseFS(kitFiles, "kit/*.tmpl")
	if err != nil {
		return nil, fmt.Errorf("icinga kit: %w", err)
	}
	files := map[string][]byte{}
	for _, one := range t.Templates() {
		name, ok := strings.CutSuffix(one.Name(), ".tmpl")
		if !ok {
			continue // the empty one that the others hang on
		}
		var b bytes.Buffer
		if err := one.Execute(&b, data); err != nil {
			return nil, fmt.Errorf("icinga kit: %w", err)
		}
		files[name] = b.Bytes()
	}
	return files, nil
}

// kitTarget is a NotificationCommand: one for hosts and one for services, as a macro that an object does not have is a warning in Icinga2's log.
type kitTarget struct {
	Name string
	Env  []struct{ Key, Macro string }
}

type kitValues struct {
	KitOptions
	Reminder    string
	Permissions []kitPermission
	Targets     []kitTarget
}

// kitPermission is one permission of the ApiUser.
type kitPermission struct {
	Name string
	Ours bool // for hosts and services that the bot made, alone
}

// kitPermissions are those that a Client needs. What changes or deletes an object never reaches a foreign one.
func kitPermissions() []kitPermission {
	var out []kitPermission
	for _, name := range Needed() {
		ours := strings.HasPrefix(name, "objects/modify/") || strings.HasPrefix(name, "objects/delete/")
		out = append(out, kitPermission{Name: name, Ours: ours})
	}
	return out
}

func kitData(opt KitOptions) kitValues {
	for _, d := range []struct {
		field    *string
		fallback string
	}{
		{&opt.Program, "/usr/bin/opsbot"}, {&opt.User, "opsbot"}, {&opt.BotHost, "opsbot"}, {&opt.Warning, "85:"}, {&opt.Critical, "70:"},
		{&opt.HostCheck, "hostalive"}, {&opt.PeopleCommand, "mail-service-notification"},
	} {
		if *d.field == "" {
			*d.field = d.fallback
		}
	}
	if opt.Reminder == 0 {
		opt.Reminder = 10 * time.Minute
	}
	host, service := kitTarget{Name: "host"}, kitTarget{Name: "service"}
	for _, m := range envMacros() {
		if m.host != "" {
			host.Env = append(host.Env, struct{ Key, Macro string }{m.key, m.host})
		}
		service.Env = append(service.Env, struct{ Key, Macro string }{m.key, m.service})
	}
	return kitValues{
		KitOptions: opt, Reminder: fmt.Sprintf("%ds", int(opt.Reminder.Seconds())), Permissions: kitPermissions(), Targets: []kitTarget{host, service},
	}
}

// quote writes a string of Icinga2's language (icinga2 documentation, "Language Reference", "String Literals Escape Sequences").
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\%03o`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// macro is quote for places where Icinga2 replaces $name$.
func macro(s string) string { return quote(strings.ReplaceAll(s, "$", "$$")) }

// argv writes a list of words; the last may be a list itself.
func argv(words ...any) (string, error) {
	var all []string
	for _, w := range words {
		switch w := w.(type) {
		case string:
			all = append(all, macro(w))
		case []string:
			for _, s := range w {
				all = append(all, macro(s))
			}
		default:
			return "", fmt.Errorf("%T is no word of a command", w)
		}
	}
	return "[ " + strings.Join(all, ", ") + " ]", nil
}
