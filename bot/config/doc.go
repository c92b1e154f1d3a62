// Package config reads the one configuration file, strictly, and says all that is wrong with it at once.
//
// In comes YAML; out comes a [Config] with every default filled in, every reference checked and every path absolute, or [Mistakes]: each with
// file, line, column, key and a sentence that names the next step. Secrets are never values of the file, only places ([secret.Source]).
// Nothing is opened but the file itself; what only this machine can tell (does the secret file exist, is there such a group) is asked by
// [Config.CheckMachine].
//
// Read types.go first: the Go types are the contract, their yaml tags are the keys, and the decoder (decode.go), the JSON schema (schema.go) and the
// effective configuration (effective.go) are made from them. Then load.go for the way of a file, defaults.go, and the validate_*.go files.
//
//	c, err := config.Load("/etc/opsbot/opsbot.yaml", config.Options{Intents: catalog})
//	if err != nil {
//		return err // config.Mistakes: exit code 78
//	}
//	for _, w := range c.Warnings {
//		log.Warn("configuration", "say", w.String())
//	}
//	rights, err := policy.New(c.Policy())
package config
