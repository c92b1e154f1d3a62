package agent

import (
	"fmt"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// tokenLife is how long an agent's token lives. It is renewed at half of it.
const tokenLife = 24 * time.Hour

// newcomers is how many connections there may be at once that have no token.
const newcomers = 256

// accounts are the three of the server, with the keys that sign for them.
type accounts struct {
	ring                            *keyring
	operator                        nkeys.KeyPair
	bot, agents, signer, enrol      nkeys.KeyPair
	botID, agentsID, signerID, enID string
	resolver                        *server.MemAccResolver
}

func newAccounts(ring *keyring) (*accounts, error) {
	a := &accounts{ring: ring, resolver: &server.MemAccResolver{}}
	var err error
	for _, one := range []struct {
		seed string
		pair *nkeys.KeyPair
		id   *string
	}{
		{ring.Operator, &a.operator, new(string)}, {ring.Bot, &a.bot, &a.botID}, {ring.Agents, &a.agents, &a.agentsID},
		{ring.Signer, &a.signer, &a.signerID}, {ring.Enrol, &a.enrol, &a.enID},
	} {
		if *one.pair, err = nkeys.FromSeed([]byte(one.seed)); err != nil {
			return nil, fmt.Errorf("agents' keys in %s: %w", ring.path, err)
		}
		if *one.id, err = (*one.pair).PublicKey(); err != nil {
			return nil, fmt.Errorf("agents' keys in %s: %w", ring.path, err)
		}
	}
	for _, claims := range []*jwt.AccountClaims{a.botClaims(), a.agentsClaims(), a.enrolClaims()} {
		token, err := claims.Encode(a.operator)
		if err != nil {
			return nil, fmt.Errorf("sign the account %s: %w", claims.Name, err)
		}
		if err := a.resolver.Store(claims.Subject, token); err != nil {
			return nil, fmt.Errorf("keep the account %s: %w", claims.Name, err)
		}
	}
	return a, nil
}

// operatorClaims is whom the server believes.
func (a *accounts) operatorClaims() (*jwt.OperatorClaims, error) {
	id, err := a.operator.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("operator of the agents' server: %w", err)
	}
	c := jwt.NewOperatorClaims(id)
	c.Name = "opsbot"
	token, err := c.Encode(a.operator)
	if err != nil {
		return nil, fmt.Errorf("operator of the agents' server: %w", err)
	}
	return jwt.DecodeOperatorClaims(token)
}

// agentSubjects are what agents say.
func agentSubjects() []string {
	return []string{subjectHello, subjectReport, subjectResult, subjectRenew}
}

// botClaims exports services alone: a service replaces the reply subject of whoever calls it.
func (a *accounts) botClaims() *jwt.AccountClaims {
	c := jwt.NewAccountClaims(a.botID)
	c.Name = "bot"
	for _, s := range agentSubjects() {
		c.Exports.Add(&jwt.Export{Name: s, Subject: jwt.Subject(s + "*"), Type: jwt.Service})
	}
	c.Exports.Add(&jwt.Export{Name: subjectJoin, Subject: subjectJoin, Type: jwt.Service})
	return c
}

func (a *accounts) imported(subject string) *jwt.Import {
	return &jwt.Import{Name: subject, Subject: jwt.Subject(subject), Account: a.botID, Type: jwt.Service}
}

// agentsClaims holds what every agent may do, by its own name alone.
func (a *accounts) agentsClaims() *jwt.AccountClaims {
	c := jwt.NewAccountClaims(a.agentsID)
	c.Name = "agents"
	scope := jwt.NewUserScope()
	scope.Key, scope.Role = a.signerID, "agent"
	for _, s := range agentSubjects() {
		c.Imports.Add(a.imported(s + "*"))
		scope.Template.Pub.Allow.Add(s + "{{name()}}")
	}
	scope.Template.Sub.Allow.Add(subjectPush + "{{name()}}")
	scope.Template.Subs, scope.Template.Payload = 4, MaxReport
	scope.Template.AllowedConnectionTypes.Add(jwt.ConnectionTypeStandard, jwt.ConnectionTypeInProcess)
	c.SigningKeys.AddScopedSigner(scope)
	for nkey, at := range a.ring.Revoked {
		c.RevokeAt(nkey, at)
	}
	return c
}

// enrolClaims is for those who have no token yet.
func (a *accounts) enrolClaims() *jwt.AccountClaims {
	c := jwt.NewAccountClaims(a.enID)
	c.Name = "newcomers"
	c.Imports.Add(a.imported(subjectJoin))
	c.Limits.Conn = newcomers
	return c
}

// token lets the key of an agent speak as id for a day.
func (a *accounts) token(id, nkey string, now time.Time) (string, error) {
	if err := CheckID(id); err != nil { // the name becomes part of the permissions
		return "", err
	}
	c := jwt.NewUserClaims(nkey)
	if c == nil {
		return "", fmt.Errorf("token for %s: no key", id)
	}
	c.Name, c.IssuerAccount = id, a.agentsID
	c.SetScoped(true)
	c.Expires = now.Add(tokenLife).Unix()
	token, err := c.Encode(a.signer)
	if err != nil {
		return "", fmt.Errorf("token for %s: %w", id, err)
	}
	return token, nil
}

// sentinel is the token of everybody who has none: it may knock, and hear the answer to its own key.
func (a *accounts) sentinel() (string, error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return "", fmt.Errorf("token for newcomers: %w", err)
	}
	id, err := pair.PublicKey()
	if err != nil {
		return "", fmt.Errorf("token for newcomers: %w", err)
	}
	c := jwt.NewUserClaims(id)
	c.Name, c.BearerToken = "newcomer", true
	c.Pub.Allow.Add(subjectJoin)
	c.Sub.Allow.Add(subjectSeal + "*")
	c.Subs, c.NatsLimits.Payload = 2, 4<<10
	c.AllowedConnectionTypes.Add(jwt.ConnectionTypeStandard, jwt.ConnectionTypeInProcess)
	return c.Encode(a.enrol)
}

// inside returns the credentials of a connection of the bot itself, which no other process can use.
func inside(account nkeys.KeyPair, allow func(*jwt.UserClaims)) (token, seed string, err error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return "", "", fmt.Errorf("key of the bot's own connection: %w", err)
	}
	id, err := pair.PublicKey()
	if err != nil {
		return "", "", fmt.Errorf("key of the bot's own connection: %w", err)
	}
	c := jwt.NewUserClaims(id)
	c.Name = "opsbot"
	c.AllowedConnectionTypes.Add(jwt.ConnectionTypeInProcess)
	allow(c)
	if token, err = c.Encode(account); err != nil {
		return "", "", fmt.Errorf("token of the bot's own connection: %w", err)
	}
	own, err := pair.Seed()
	if err != nil {
		return "", "", fmt.Errorf("key of the bot's own connection: %w", err)
	}
	return token, string(own), nil
}
