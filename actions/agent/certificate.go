package agent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base32"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// serverName is the name in the certificate that the gate makes: it is known by its CA, not by where it is reached.
const serverName = "gate.opsbot.internal"

const (
	caLife   = 20 * 365 * 24 * time.Hour
	leafLife = 30 * 24 * time.Hour
)

// trust is by what an agent knows the bot.
type trust struct {
	Roots  string `json:"roots,omitempty"`  // certificates, PEM
	System bool   `json:"system,omitempty"` // the certificates of the system count too, with the name of the host
}

// newCA makes a certificate authority for this gate alone.
func newCA(now time.Time) (certificate, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", fmt.Errorf("make the agents' CA: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "OpsBot agents CA"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(caLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return "", "", fmt.Errorf("make the agents' CA: %w", err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", fmt.Errorf("make the agents' CA: %w", err)
	}
	return toPEM("CERTIFICATE", der), toPEM("PRIVATE KEY", text), nil
}

func serial() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b[:])
}

func toPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// presenter hands out the gate's certificate: that of the configuration, read again when its file changes, or one of the own CA, made anew long
// before it ends.
type presenter struct {
	certificateFile, keyFile string
	ca, caKey                string
	now                      func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	until   time.Time // when current is to be made anew
	read    time.Time // when the file was last changed
}

// get implements tls.Config.GetCertificate.
func (p *presenter) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.certificateFile != "" {
		return p.configured()
	}
	if p.current == nil || !p.now().Before(p.until) {
		c, err := issue(p.ca, p.caKey, p.now())
		if err != nil {
			return nil, err
		}
		p.current, p.until = c, p.now().Add(leafLife/2)
	}
	return p.current, nil
}

// configured reads the files when they have changed. A pair that does not fit is not taken: the old one goes on.
func (p *presenter) configured() (*tls.Certificate, error) {
	info, err := os.Stat(p.certificateFile)
	if err == nil && !info.ModTime().Equal(p.read) {
		var c tls.Certificate
		if c, err = tls.LoadX509KeyPair(p.certificateFile, p.keyFile); err == nil {
			p.current, p.read = &c, info.ModTime()
		}
	}
	if p.current == nil {
		return nil, fmt.Errorf("certificate of the agents' listener: %w", err)
	}
	return p.current, nil
}

// issue makes a server certificate.
func issue(ca, caKey string, now time.Time) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair([]byte(ca), []byte(caKey))
	if err != nil {
		return nil, fmt.Errorf("agents' CA: %w", err)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the gate's certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: serverName}, DNSNames: []string{serverName},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, pair.Leaf, private.Public(), pair.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("make the gate's certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der, pair.Certificate[0]}, PrivateKey: private}, nil
}

// anchor is the certificate by whose fingerprint a newcomer knows the gate: the last one that it shows.
func (p *presenter) anchor() (*x509.Certificate, error) {
	c, err := p.get(nil)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(c.Certificate[len(c.Certificate)-1])
}

// trust is what agents are told to know the gate by.
func (p *presenter) trust() (trust, error) {
	a, err := p.anchor()
	if err != nil {
		return trust{}, err
	}
	return trust{Roots: toPEM("CERTIFICATE", a.Raw), System: p.certificateFile != ""}, nil
}

// fingerprint is 130 bits of a certificate's hash, as part of a code.
func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:26])
}

var errOtherBot = errors.New("this is not the bot that the code is of: its certificate differs")

// clientTLS returns how an agent talks to the gate. With a print it is a newcomer that knows the fingerprint alone.
func clientTLS(host, print string, t trust, now func() time.Time) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: host,
		// The check is ours, since it goes by what the code or the bot said, not by the system's list alone.
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return errors.New("the bot shows no certificate")
			}
			if print != "" {
				i := slices.IndexFunc(s.PeerCertificates, func(c *x509.Certificate) bool { return fingerprint(c) == print })
				if i < 0 {
					return errOtherBot
				}
				return verify(s.PeerCertificates, s.PeerCertificates[i:i+1], now())
			}
			return t.verify(s.PeerCertificates, host, now())
		},
	}
}

// verify checks a chain against what is trusted.
func (t trust) verify(chain []*x509.Certificate, host string, now time.Time) error {
	var roots []*x509.Certificate
	for rest := []byte(t.Roots); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			roots = append(roots, c)
		}
	}
	err := verify(chain, roots, now)
	if err == nil || !t.System {
		return err
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{Intermediates: between, CurrentTime: now, DNSName: host})
	return err
}

// verify checks that the chain's first certificate is one of roots or comes from one.
func verify(chain, roots []*x509.Certificate, now time.Time) error {
	pool, between := x509.NewCertPool(), x509.NewCertPool()
	for _, r := range roots {
		if r.Equal(chain[0]) {
			if now.After(r.NotAfter) {
				return fmt.Errorf("the bot's certificate ended at %s", r.NotAfter.Format(time.RFC3339))
			}
			return nil
		}
		pool.AddCert(r)
	}
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: pool, Intermediates: between, CurrentTime: now}); err != nil {
		return fmt.Errorf("certificate of the bot: %w", err)
	}
	return nil
}
