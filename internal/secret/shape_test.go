package secret_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/shitops/opsbot/internal/secret"
)

// Made up, put together here so that no scanner takes this file for a leak.
var (
	slackBot = "xoxb-" + "123456789012-123456789012-abcdefABCDEF"
	slackApp = "xapp-" + "1-A0123456789-1234567890123-0123456789abcdef"
	discord  = "MTIzNDU2Nzg5MDEyMzQ1Njc4" + ".GabcdE." + "abcdefghijklmnopqrstuvwxyz0123456789AB"
	webToken = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0" + ".c2lnbmF0dXJl"
	forge    = "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789"
	pem      = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----"
)

func TestShapes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ given, want string }{
		{"token " + slackBot + ".", "token ***."},
		{"xoxe." + "xoxp-1-abcdefgh", "***"},
		{slackApp, "***"},
		{discord, "***"},
		{webToken, "***"},
		{"Authorization: Bearer abcdefgh12345", "Authorization: Bearer ***"},
		{"authorization: basic dXNlcjpwYXNz", "authorization: basic ***"},
		{"map[Authorization:[Basic dXNlcjpwYXNz]]", "map[Authorization:[Basic ***]]"},
		{"get https://root:hunter2@icinga.example:5665/v1", "get https://root:***icinga.example:5665/v1"},
		{"key " + pem + " end", "key *** end"},
		{"-----BEGIN PRIVATE KEY-----\ncut off", "***"},
		{forge, "***"},
		{slackBot + " and " + slackApp, "*** and ***"},
	} {
		if got := secret.Scrub(test.given); got != test.want {
			t.Errorf("Scrub(%q) = %q, want %q", test.given, got, test.want)
		}
		if !secret.LooksLikeToken(test.given) {
			t.Errorf("LooksLikeToken(%q) = false", test.given)
		}
		if again := secret.Scrub(secret.Scrub(test.given)); again != test.want {
			t.Errorf("Scrub twice of %q = %q", test.given, again)
		}
	}
	for _, plain := range []string{
		"", "flush edge-1", "xoxb-", "xoxb-short", "bearer of bad news", "the basic idea", "http://192.0.2.11:6081/a@b", "https://user@host/", "2026-11-03T20:15:00Z",
		"edge-1.berlin.example.net", "r-17", "sha256:" + strings.Repeat("ab", 32), "-----BEGIN CERTIFICATE-----", "Mmmmmmmmmmmmmmmmmmmmmmmm.example.net",
	} {
		if got := secret.Scrub(plain); got != plain || secret.LooksLikeToken(plain) {
			t.Errorf("%q is taken for a token and becomes %q", plain, got)
		}
	}
}

type named struct{ Name, Token string }

func TestRedact(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		options := &slog.HandlerOptions{ReplaceAttr: secret.Redact}
		var h slog.Handler = slog.NewTextHandler(&out, options)
		if format == "json" {
			h = slog.NewJSONHandler(&out, options)
		}
		log := slog.New(h).With("with", slackBot)
		log.Info("connect with "+slackApp,
			"text", "before "+discord, "error", fmt.Errorf("dial: %w", errors.New(webToken)), "header", http.Header{"Authorization": {"Bearer abcdefgh12345"}},
			"value", named{"anna", slackBot}, "lazy", lazy{}, slog.Group("group", "inner", forge, "password", "hunter2"),
			"app_token", "short", "client_secret", 12345, "Authorization", "x", "n", 7, "plain", named{"anna", "none"})
		got := out.String()
		for _, bad := range []string{slackBot, slackApp, discord, webToken, forge, "abcdefgh12345", "hunter2", "short", "12345", "lazy-" + slackBot} {
			if strings.Contains(got, bad) {
				t.Errorf("%s shows %q: %s", format, bad, got)
			}
		}
		for _, good := range []string{"connect with ***", "before ***", "anna", "7", "none", "INFO"} {
			if !strings.Contains(got, good) {
				t.Errorf("%s lost %q: %s", format, good, got)
			}
		}
	}
}

type lazy struct{}

func (lazy) LogValue() slog.Value { return slog.StringValue("lazy-" + slackBot) }

func FuzzScrub(f *testing.F) {
	for _, seed := range []string{slackBot, slackApp, discord, webToken, forge, pem, "://a:b@c", "Bearer abcdefghi", "\xff://:\xff@"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		clean := secret.Scrub(text)
		if secret.LooksLikeToken(text) == (clean == text) {
			t.Fatalf("LooksLikeToken(%q) = %v, Scrub = %q", text, secret.LooksLikeToken(text), clean)
		}
	})
}

func BenchmarkScrub(b *testing.B) {
	line := strings.Repeat("run r-17 step 3 on edge-1: flushed 120 objects in 3ms; ", 3)
	for b.Loop() {
		secret.Scrub(line)
	}
}
