package icinga_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/secret"
)

func key(s string) secret.Secret { return secret.New([]byte(s + "\n")) }

const (
	oldSecret = "0123456789abcdef-old"
	newSecret = "0123456789abcdef-new"
	token     = "token-0123456789abcdef"
)

func verifier(t testing.TB) *icinga.Verifier {
	t.Helper()
	v, err := icinga.NewVerifier(map[string]secret.Secret{"k1": key(oldSecret), "k2": key(newSecret)}, []secret.Secret{key("old-" + token), key(token)}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sign(t testing.TB, value, id string, when time.Time, body string) http.Header {
	t.Helper()
	h, err := icinga.Sign(key(value), id, when, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	v, now := verifier(t), at(1795334043)
	without := func(header string) http.Header {
		h := sign(t, oldSecret, "k1", now, "body")
		h.Del(header)
		return h
	}
	with := func(header, value string) http.Header {
		h := sign(t, oldSecret, "k1", now, "body")
		h.Set(header, value)
		return h
	}
	right := sign(t, oldSecret, "k1", now, "body").Get(icinga.HeaderSignature)
	for _, tt := range []struct {
		name   string
		header http.Header
		now    time.Time
		want   error
	}{
		{"the old key", sign(t, oldSecret, "k1", now, "body"), now, nil},
		{"the new key", sign(t, newSecret, "k2", now, "body"), now, nil},
		{"just in time", sign(t, oldSecret, "k1", now, "body"), now.Add(5 * time.Minute), nil},
		{"a clock that is ahead", sign(t, oldSecret, "k1", now, "body"), now.Add(-5 * time.Minute), nil},
		{"too late", sign(t, oldSecret, "k1", now, "body"), now.Add(5*time.Minute + time.Second), icinga.ErrStale},
		{"from the future", sign(t, oldSecret, "k1", now, "body"), now.Add(-5*time.Minute - time.Second), icinga.ErrStale},
		{"a retired key", sign(t, oldSecret, "k0", now, "body"), now, icinga.ErrUnknownKey},
		{"a key of another's secret", sign(t, newSecret, "k1", now, "body"), now, icinga.ErrWrongProof},
		{"another body", sign(t, oldSecret, "k1", now, "Body"), now, icinga.ErrWrongProof},
		{"another time", with(icinga.HeaderTimestamp, "1795334044"), now, icinga.ErrWrongProof},
		{"another time, long ago", with(icinga.HeaderTimestamp, "17"), now, icinga.ErrWrongProof},
		{"another id", with(icinga.HeaderKey, "k2"), now, icinga.ErrWrongProof},
		{"no hexadecimal", with(icinga.HeaderSignature, "v1=zz"), now, icinga.ErrWrongProof},
		{"half a signature", with(icinga.HeaderSignature, right[:20]), now, icinga.ErrWrongProof},
		{"no version", with(icinga.HeaderSignature, strings.TrimPrefix(right, "v1=")), now, icinga.ErrWrongProof},
		{"nothing", http.Header{}, now, icinga.ErrUnsigned},
		{"no id", without(icinga.HeaderKey), now, icinga.ErrUnsigned},
		{"no time", without(icinga.HeaderTimestamp), now, icinga.ErrUnsigned},
		{"no signature", without(icinga.HeaderSignature), now, icinga.ErrUnsigned},
		{"the token", http.Header{"Authorization": {"Bearer " + token}}, now, nil},
		{"the old token, small letters", http.Header{"Authorization": {"bearer old-" + token}}, now, nil},
		{"another token", http.Header{"Authorization": {"Bearer x" + token}}, now, icinga.ErrWrongProof},
		{"an empty token", http.Header{"Authorization": {"Bearer "}}, now, icinga.ErrUnsigned},
		{"a password", http.Header{"Authorization": {"Basic " + token}}, now, icinga.ErrUnsigned},
	} {
		proof, err := v.Verify(tt.header, []byte("body"), tt.now)
		if !errors.Is(err, tt.want) || (tt.want == nil) != (err == nil) {
			t.Errorf("%s: Verify = %v, want %v", tt.name, err, tt.want)
		}
		if err == nil && strings.Contains(tt.name, "key") && (proof.Key == "" || !proof.At.Equal(now) || len(proof.Digest) != 32) {
			t.Errorf("%s: proof %+v, want key, time and digest", tt.name, proof)
		}
		if err != nil && (strings.Contains(err.Error(), oldSecret) || strings.Contains(err.Error(), token)) {
			t.Errorf("%s: %q gives the secret away", tt.name, err)
		}
	}
}

// TestSignatureKnownAnswer holds the format: openssl dgst -sha256 -hmac over "v1\nk1\n1795334043\nbody".
func TestSignatureKnownAnswer(t *testing.T) {
	t.Parallel()
	got := sign(t, oldSecret, "k1", at(1795334043), "body")
	want := "v1=57d557f60675506b62bfb1b0572f3f95e935b418b5a6f5ed3f495c7a9f210475"
	if s := got.Get(icinga.HeaderSignature); s != want {
		t.Errorf("signature %s, want %s", s, want)
	}
}

func TestNoChangeGoesUnnoticed(t *testing.T) {
	t.Parallel()
	v, now := verifier(t), at(1795334043)
	rapid.Check(t, func(rt *rapid.T) {
		body := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(rt, "body")
		h := sign(t, oldSecret, "k1", now, string(body))
		if _, err := v.Verify(h, body, now); err != nil {
			rt.Fatalf("Verify = %v", err)
		}
		body[rapid.IntRange(0, len(body)-1).Draw(rt, "at")] ^= byte(rapid.IntRange(1, 255).Draw(rt, "bits"))
		if _, err := v.Verify(h, body, now); !errors.Is(err, icinga.ErrWrongProof) {
			rt.Fatalf("Verify of a changed body = %v, want ErrWrongProof", err)
		}
	})
}

func TestWeakSecretsAreRefused(t *testing.T) {
	t.Parallel()
	keys := func(s string) map[string]secret.Secret { return map[string]secret.Secret{"k1": key(s)} }
	for name, err := range map[string]error{
		"Sign with a short key":   second(icinga.Sign(key("short"), "k1", at(1), nil)),
		"Sign without a key":      second(icinga.Sign(secret.Secret{}, "k1", at(1), nil)),
		"Sign without an id":      second(icinga.Sign(key(oldSecret), "", at(1), nil)),
		"Sign with a split id":    second(icinga.Sign(key(oldSecret), "k\r\n1", at(1), nil)),
		"a verifier of nothing":   second(icinga.NewVerifier(nil, nil, 0)),
		"a verifier's short key":  second(icinga.NewVerifier(keys("short"), nil, 0)),
		"a verifier's empty key":  second(icinga.NewVerifier(keys(""), nil, 0)),
		"a verifier's short word": second(icinga.NewVerifier(nil, []secret.Secret{key("short")}, 0)),
	} {
		if err == nil {
			t.Errorf("%s = nil, want an error", name)
		}
	}
	v, err := icinga.NewVerifier(keys(oldSecret), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(http.Header{"Authorization": {"Bearer " + token}}, nil, at(1)); !errors.Is(err, icinga.ErrWrongProof) {
		t.Errorf("a token where signatures are asked for = %v, want ErrWrongProof", err)
	}
}
