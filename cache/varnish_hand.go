package cache

import (
	"net/url"
	"strings"
)

// ByHand implements Driver. The lines are for a POSIX shell on a machine that reaches the node; a person who types them needs
// varnishadm, varnishstat (on the node itself) and curl.
func (v *varnish) ByHand(op Op) []string {
	switch op.Verb {
	case VerbFlush:
		return v.adminByHand("ban", "obj.status", "!=", "0")
	case VerbPurgePrefix:
		quoted, err := quotePrefix(op.Prefix)
		if err != nil {
			return []string{"# no command: " + err.Error()}
		}
		return v.adminByHand("ban", "obj.http."+urlHeader, "~", "^"+quoted)
	case VerbHealth:
		return append(v.adminByHand("status"), v.adminByHand("ban.list")...)
	case VerbStats:
		return []string{shell("varnishstat", "-n", v.cfg.StatsDir, "-1", "-f", "MAIN.cache_*", "-f", "MAIN.uptime")}
	case VerbPurgeTag:
		return []string{v.curl("/", "-X", purgeMethod(op.Soft), "-H", "xkey-purge: "+strings.Join(op.Tags, " "))}
	}
	var lines []string
	for _, raw := range op.URLs {
		switch op.Verb {
		case VerbPurge:
			lines = append(lines, v.curl(raw, "-X", purgeMethod(op.Soft)))
		case VerbPrime:
			lines = append(lines, v.curl(raw, "-o", "/dev/null"))
		case VerbVerify:
			lines = append(lines, v.curl(raw, "-I"), shell("curl", "-sS", "-I", raw))
		}
	}
	return lines
}

func purgeMethod(soft bool) string {
	if soft {
		return "SOFTPURGE"
	}
	return "PURGE"
}

func (v *varnish) adminByHand(words ...string) []string {
	if v.cli == nil {
		return []string{"# no command: no admin address configured for " + v.cfg.Node + "/" + v.cfg.Name}
	}
	args := []string{"varnishadm", "-T", v.cfg.AdminAddress}
	if v.cfg.Secret != nil {
		args = append(args, "-S", v.cfg.SecretFile)
	}
	return []string{shell(append(args, words...)...)}
}

// curl asks the edge for the object with the origin's Host; -i shows the reason phrase, which is the proof of a purge.
func (v *varnish) curl(raw string, args ...string) string {
	object, err := parseObjectURL(raw)
	if err != nil {
		return "# no command: " + err.Error()
	}
	host := v.cfg.Host
	if host == "" {
		host = object.Host
	}
	host = strings.ToLower(host) // as Edge does
	target := strings.TrimSuffix(v.cfg.URL, "/") + (&url.URL{Path: object.Path, RawPath: object.RawPath, RawQuery: object.RawQuery}).String()
	words := append([]string{"curl", "-sS", "-i"}, args...)
	if host != "" {
		words = append(words, "-H", "Host: "+host)
	}
	return shell(append(words, target)...)
}

// shell joins words for a POSIX shell, quoting those that need it.
func shell(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = w
		if w == "" || strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-") != "" {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
