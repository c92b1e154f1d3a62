package icinga

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// pinPrefix is how digests of keys begin (RFC 7469 section 2.4, as curl's --pinnedpubkey writes it).
const pinPrefix = "sha256//"

// Pin returns the digest of a certificate's public key, as Options.Pins takes it. It outlives a renewal that keeps the key.
func Pin(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return pinPrefix + base64.StdEncoding.EncodeToString(sum[:])
}

// pinError says that the server has another key than those that are pinned. Nothing was sent.
type pinError struct {
	got  string
	want []string
}

// Error implements error.
func (e *pinError) Error() string {
	return fmt.Sprintf("the server's key has changed: it is %s, pinned is %s; if Icinga2 has a new key on purpose, pin it, else somebody stands between",
		e.got, strings.Join(e.want, " or "))
}

// trust returns whom the client trusts and how it proves itself.
func trust(opt Options) (*tls.Config, error) {
	conf := &tls.Config{ServerName: opt.ServerName, MinVersion: tls.VersionTLS12}
	if opt.CA != nil {
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(opt.CA) {
			return nil, errors.New("icinga2: the file of its authority holds no PEM certificate")
		}
	}
	for _, p := range opt.Pins {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p, pinPrefix))
		if !strings.HasPrefix(p, pinPrefix) || err != nil || len(raw) != sha256.Size {
			return nil, fmt.Errorf("icinga2: pin %q: want %s and the base64 of a SHA-256 digest", clip(p), pinPrefix)
		}
	}
	if len(opt.Pins) > 0 {
		pins := slices.Clone(opt.Pins)
		conf.VerifyConnection = func(s tls.ConnectionState) error { // after the chain was verified, in resumed sessions too
			if got := Pin(s.PeerCertificates[0]); !slices.Contains(pins, got) {
				return &pinError{got, pins}
			}
			return nil
		}
	}
	if opt.Certificate != nil {
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return opt.Certificate() }
	}
	return conf, nil
}
