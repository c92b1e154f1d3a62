// Package unit holds what a machine needs to run the bot, or the agent of a node, as a service: units of systemd and property lists of launchd, embedded as
// the files that `make install` puts into place.
//
// Nothing comes in; out come the texts. Read opsbot.service first.
//
//	os.Stdout.WriteString(unit.Systemd)
package unit

import _ "embed"

// Systemd is opsbot.service.
//
//go:embed opsbot.service
var Systemd string

// Launchd is net.opsbot.plist.
//
//go:embed net.opsbot.plist
var Launchd string

// SystemdAgent is opsbot-agent.service.
//
//go:embed opsbot-agent.service
var SystemdAgent string

// LaunchdAgent is net.opsbot.agent.plist.
//
//go:embed net.opsbot.agent.plist
var LaunchdAgent string
