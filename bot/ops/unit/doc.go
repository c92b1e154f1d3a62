// Package unit holds what a machine needs to run the bot as a service: the unit of systemd and the property list of launchd, embedded as the
// files that `make install` puts into place.
//
// Nothing comes in; out come the two texts. Read opsbot.service first.
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
