package icinga

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shitops/opsbot/internal/secret"
)

// Headers of a signed notification.
const (
	HeaderKey       = "X-Opsbot-Key"       // id of the key
	HeaderTimestamp = "X-Opsbot-Timestamp" // Unix seconds at which it was signed
	HeaderSignature = "X-Opsbot-Signature" // "v1=" and the HMAC-SHA256 (RFC 2104) in hexadecimal
)

// Why a proof is refused; test with errors.Is.
var (
	// ErrUnsigned says that there is no proof at all, or only a part of one.
	ErrUnsigned = errors.New("no signature")
	// ErrUnknownKey says that nobody here knows that key.
	ErrUnknownKey = errors.New("unknown key")
	// ErrStale says that a right signature is too old, or from the future: a clock is wrong, or somebody repeats what was recorded.
	ErrStale = errors.New("stale signature")
	// ErrWrongProof says that signature or token do not fit.
	ErrWrongProof = errors.New("wrong signature")
)

// SignatureWindow is how far the clocks of both ends, and the way between them, may take a signature from now.
const SignatureWindow = 5 * time.Minute

// minSecret is the least length of a key in bytes: 128 bits.
const minSecret = 16

// Sign returns the headers that prove a body, which must be sent as it is. Sign when sending: what lay in a spool is older than the window.
// The closing line end of a secret's file does not count. A key of fewer than 16 bytes is refused.
func Sign(key secret.Secret, id string, now time.Time, body []byte) (http.Header, error) {
	if len(key.Line()) < minSecret {
		return nil, fmt.Errorf("sign with key %q: it has fewer than %d bytes; make one by: openssl rand -hex 32", id, minSecret)
	}
	if id == "" || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("sign with key %q: an id is one word of ASCII", id)
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	return http.Header{
		HeaderKey:       {id},
		HeaderTimestamp: {stamp},
		HeaderSignature: {"v1=" + hex.EncodeToString(sum(key, id, stamp, body))},
	}, nil
}

// sum covers the id too, so that a body signed with one key cannot be passed off as another's when both have the same secret.
func sum(key secret.Secret, id, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(key.Line()))
	_, _ = mac.Write([]byte("v1\n" + id + "\n" + stamp + "\n")) // a hash does not fail
	_, _ = mac.Write(body)
	return mac.Sum(nil)
}

// Verifier checks one sender's proofs. Make it by NewVerifier; it is safe for concurrent use.
type Verifier struct {
	keys   map[string]secret.Secret
	bearer []secret.Secret
	window time.Duration
}

// NewVerifier returns a verifier that takes signatures by any of the keys, by their id, and any of the bearer tokens: two of either while they
// are rotated. window 0 is SignatureWindow. Secrets of fewer than 16 bytes are refused, and so is a verifier that would let nobody in.
func NewVerifier(keys map[string]secret.Secret, bearer []secret.Secret, window time.Duration) (*Verifier, error) {
	if len(keys)+len(bearer) == 0 {
		return nil, errors.New("verify notifications: neither a key nor a token is configured")
	}
	for id, k := range keys {
		if len(k.Line()) < minSecret {
			return nil, fmt.Errorf("verify notifications: key %q has fewer than %d bytes; make one by: openssl rand -hex 32", id, minSecret)
		}
	}
	for _, b := range bearer {
		if len(b.Line()) < minSecret {
			return nil, fmt.Errorf("verify notifications: the bearer token has fewer than %d bytes; make one by: openssl rand -hex 32", minSecret)
		}
	}
	if window == 0 {
		window = SignatureWindow
	}
	return &Verifier{keys: maps.Clone(keys), bearer: slices.Clone(bearer), window: window}, nil
}

// Proof is how a body was proved.
type Proof struct {
	Key    string    // id of the key; "" for a bearer token
	At     time.Time // when it was signed; zero for a bearer token
	Digest string    // of the signature: who sends the same one again within the window repeats a recording; "" for a bearer token
}

// Verify checks the proof of a body: a signature where there is one, else a bearer token. Whoever has a right proof and the wrong time is told so;
// a wrong proof is told nothing of the time. Comparisons take the same time wherever the difference is. That a notification came before shows in
// its trigger and in Proof.Digest, which the caller remembers.
func (v *Verifier) Verify(header http.Header, body []byte, now time.Time) (Proof, error) {
	id, stamp, signature := header.Get(HeaderKey), header.Get(HeaderTimestamp), header.Get(HeaderSignature)
	if id == "" && stamp == "" && signature == "" {
		return Proof{}, v.verifyBearer(header)
	}
	if id == "" || stamp == "" || signature == "" {
		return Proof{}, fmt.Errorf("%w: %s, %s and %s belong together", ErrUnsigned, HeaderKey, HeaderTimestamp, HeaderSignature)
	}
	key, ok := v.keys[id]
	if !ok {
		return Proof{}, fmt.Errorf("%w %q: give both ends the same keys", ErrUnknownKey, clip(id))
	}
	given, err := hex.DecodeString(strings.TrimPrefix(signature, "v1="))
	if err != nil || !strings.HasPrefix(signature, "v1=") || !hmac.Equal(given, sum(key, id, stamp, body)) {
		return Proof{}, fmt.Errorf("%w by key %q: the secrets differ, or the body was changed on its way", ErrWrongProof, id)
	}
	sec, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil { // signed by one who has the key, and still no time
		return Proof{}, fmt.Errorf("%w by key %q: %s %q is no Unix time", ErrStale, id, HeaderTimestamp, clip(stamp))
	}
	at := time.Unix(sec, 0).UTC()
	if off := now.Sub(at); off > v.window || off < -v.window {
		return Proof{}, fmt.Errorf("%w by key %q: signed at %s, now is %s, at most %s may lie between: compare the clocks", ErrStale, id,
			at.Format(time.RFC3339), now.UTC().Format(time.RFC3339), v.window)
	}
	digest := sha256.Sum256(given)
	return Proof{Key: id, At: at, Digest: hex.EncodeToString(digest[:16])}, nil
}

func (v *Verifier) verifyBearer(header http.Header) error {
	const scheme = "bearer " // RFC 6750 section 2.1; schemes have no case (RFC 9110 section 11.1)
	given := header.Get("Authorization")
	if len(given) <= len(scheme) || !strings.EqualFold(given[:len(scheme)], scheme) {
		return ErrUnsigned
	}
	if len(v.bearer) == 0 {
		return fmt.Errorf("%w: this sender signs, a bearer token is not taken", ErrWrongProof)
	}
	token := sha256.Sum256([]byte(strings.TrimSpace(given[len(scheme):])))
	right := 0
	for _, b := range v.bearer { // all of them, whichever fits; hashes, so that lengths do not show
		want := sha256.Sum256([]byte(b.Line()))
		right |= subtle.ConstantTimeCompare(token[:], want[:])
	}
	if right != 1 {
		return fmt.Errorf("%w: the bearer token is not the sender's", ErrWrongProof)
	}
	return nil
}
