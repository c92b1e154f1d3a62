// Package secret keeps passwords, tokens and keys out of every place where they could be read by accident.
//
// In comes a [Source], which says where a secret lies: a file, an environment variable or a systemd credential, never the value itself. Out
// comes a [Secret], which prints, marshals and logs as "***" and gives its bytes to [Secret.Reveal] alone. [Redact] is the second net, for
// log records: it blanks what looks like a token. Read secret.go first, then source.go and shape.go.
//
//	key, err := secret.Source{File: "varnish.secret"}.In("/etc/opsbot").Read()
//	if err != nil {
//		return err
//	}
//	answer := sha256.Sum256(slices.Concat(challenge, key.Reveal(), challenge))
package secret
