package secret

import (
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
)

// shape is one form that a token has. Group 1, where there is one, stays in front of the mask.
type shape struct {
	hint string // a lower-case piece that every match holds: looking for it first is far cheaper than the expression
	form *regexp.Regexp
}

// shapes compiles on first use, so that programs that never log a suspicious text do not pay for it.
var shapes = sync.OnceValue(func() []shape {
	return []shape{
		// Slack: xoxb- bot, xoxp- user, xoxe.xoxp- rotated, xapp- app level (docs.slack.dev, "Tokens").
		{"xox", regexp.MustCompile(`\bxox[a-z](?:\.xox[a-z])?-[0-9A-Za-z-]{8,}`)},
		{"xapp-", regexp.MustCompile(`\bxapp-[0-9A-Za-z-]{8,}`)},
		// Discord: base64 of the application's id, a time, a signature.
		{".", regexp.MustCompile(`\b[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}`)},
		// JSON web tokens (RFC 7519): base64 of an opening brace and a quotation mark begins with eyJ.
		{"eyj", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`)},
		// Authorization headers (RFC 6750, RFC 7617).
		{"bearer", regexp.MustCompile(`(?i)\b(bearer\s+)[A-Za-z0-9._~+/-]{8,}=*`)},
		{"basic", regexp.MustCompile(`(?i)\b(authorization"?[:=]?\s*\[?"?basic\s+)[A-Za-z0-9+/]{8,}=*`)},
		// A password inside a URL (RFC 3986 section 3.2.1).
		{"://", regexp.MustCompile(`(://[^\s/:@"']*:)[^\s/@"']+@`)},
		{"private key", regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?:(?s:.*?)-----END [A-Z0-9 ]*PRIVATE KEY-----|(?s:.*))`)},
		// The forge that code comes from.
		{"gh", regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{20,}`)},
	}
})

// LooksLikeToken tells whether a part of text has the shape of a token, a password in a URL or a private key. Text that has none of these
// shapes may still be a secret.
func LooksLikeToken(text string) bool {
	lower := strings.ToLower(text)
	for _, s := range shapes() {
		if strings.Contains(lower, s.hint) && s.form.MatchString(text) {
			return true
		}
	}
	return false
}

// Scrub returns text with everything that LooksLikeToken finds replaced by the mask.
func Scrub(text string) string {
	lower := strings.ToLower(text)
	for _, s := range shapes() {
		if !strings.Contains(lower, s.hint) {
			continue
		}
		text = s.form.ReplaceAllString(text, "${1}"+Mask)
	}
	return text
}

// Redact is a ReplaceAttr for slog's handlers: it blanks token shapes in messages and values, and whole values whose key says that they are
// secret (password, authorization, anything that ends in token or secret).
func Redact(_ []string, a slog.Attr) slog.Attr {
	if secretKey(a.Key) && a.Value.Kind() != slog.KindGroup {
		return slog.String(a.Key, Mask)
	}
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		if LooksLikeToken(v.String()) {
			return slog.String(a.Key, Scrub(v.String()))
		}
	case slog.KindAny:
		// The text form stands for what the handler would print; where it holds a token, the whole value is replaced by it.
		if text := fmt.Sprintf("%+v", v.Any()); LooksLikeToken(text) {
			return slog.String(a.Key, Scrub(text))
		}
	}
	return a
}

func secretKey(key string) bool {
	key = strings.ToLower(key)
	switch key {
	case "password", "passwd", "authorization", "cookie":
		return true
	}
	return strings.HasSuffix(key, "token") || strings.HasSuffix(key, "secret")
}
