package icinga

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// envMacro is one variable that the NotificationCommand of [Kit] sets, with the macro of Icinga2 that fills it: one for services, one for hosts.
type envMacro struct{ key, service, host string }

// envMacros lists all of them. "Execution end" and the times of state changes are the floor of Icinga2's own, in seconds.
func envMacros() []envMacro {
	both := func(key, macro string) envMacro { return envMacro{key, macro, macro} }
	each := func(key, attribute string) envMacro {
		return envMacro{key, "$service." + attribute + "$", "$host." + attribute + "$"}
	}
	return []envMacro{
		both("ICINGA_TYPE", "$notification.type$"),
		both("ICINGA_HOST", "$host.name$"),
		{"ICINGA_SERVICE", "$service.name$", ""},
		each("ICINGA_STATE", "state"),
		each("ICINGA_STATE_TYPE", "state_type"),
		both("ICINGA_NUMBER", "$notification.notification_number$"),
		each("ICINGA_OUTPUT", "output"),
		each("ICINGA_PERFDATA", "perfdata"),
		both("ICINGA_AUTHOR", "$notification.author$"),
		both("ICINGA_COMMENT", "$notification.comment$"),
		both("ICINGA_USER", "$user.name$"),
		each("ICINGA_EXECUTION_END", "last_check_result.execution_end"),
		each("ICINGA_LAST_STATE_CHANGE", "last_state_change"),
		each("ICINGA_LAST_HARD_STATE_CHANGE", "last_hard_state_change"),
		{"ICINGA_LAST_GOOD", "$service.last_state_ok$", "$host.last_state_up$"},
		both("ICINGA_AT", "$icinga.timet$"),
	}
}

// NotificationFromEnv reads the environment that the NotificationCommand of [Kit] sets; getenv is os.Getenv. Undefined macros are empty. What is
// too long is cut and what is no UTF-8 replaced, because Icinga2 sends a notification once and would not hear of a refusal; where the essentials
// are missing the error, which holds ErrInvalid, says so.
func NotificationFromEnv(getenv func(string) string) (Notification, error) {
	text := func(key string, most int) string { return cut(strings.TrimSpace(getenv(key)), most) }
	n := Notification{
		Type: NotificationType(getenv("ICINGA_TYPE")), Host: getenv("ICINGA_HOST"), Service: getenv("ICINGA_SERVICE"),
		State: State(getenv("ICINGA_STATE")), StateType: StateType(getenv("ICINGA_STATE_TYPE")),
		Output: text("ICINGA_OUTPUT", maxText), Perfdata: text("ICINGA_PERFDATA", maxText), Comment: text("ICINGA_COMMENT", maxText),
		Author: text("ICINGA_AUTHOR", maxPerson), User: text("ICINGA_USER", maxPerson),
	}
	if n.Type == "" && n.Host == "" {
		return Notification{}, fmt.Errorf("icinga notification: %w: ICINGA_TYPE and ICINGA_HOST are not set: this is called by Icinga2's NotificationCommand, which `opsbot icinga-kit` writes", ErrInvalid)
	}
	if n.Type == "DOWNTIMEREMOVED" { // the name of the API's documentation
		n.Type = TypeDowntimeCancelled
	}
	var err error
	if v := getenv("ICINGA_NUMBER"); v != "" {
		if n.Number, err = strconv.Atoi(v); err != nil {
			return Notification{}, fmt.Errorf("icinga notification: %w: ICINGA_NUMBER %q is no number", ErrInvalid, clip(v))
		}
	}
	for _, t := range []struct {
		key string
		to  *time.Time
	}{
		{"ICINGA_EXECUTION_END", &n.ExecutionEnd}, {"ICINGA_LAST_STATE_CHANGE", &n.LastStateChange},
		{"ICINGA_LAST_HARD_STATE_CHANGE", &n.LastHardStateChange}, {"ICINGA_LAST_GOOD", &n.LastGood}, {"ICINGA_AT", &n.At},
	} {
		if *t.to, err = envTime(t.key, getenv(t.key)); err != nil {
			return Notification{}, err
		}
	}
	if err := n.Check(); err != nil {
		return Notification{}, err
	}
	return n, nil
}

// envTime reads seconds, with or without a fraction; "", 0 and -1 are never.
func envTime(key, v string) (time.Time, error) {
	if v == "" || v == "0" || v == "-1" {
		return time.Time{}, nil
	}
	sec, _, _ := strings.Cut(v, ".")
	n, err := strconv.ParseInt(sec, 10, 64)
	if err != nil || n < 0 || n > maxEpoch {
		return time.Time{}, fmt.Errorf("icinga notification: %w: %s %q is no Unix time in seconds", ErrInvalid, key, clip(v))
	}
	return whole(n), nil
}

// cut makes text fit: valid UTF-8 of at most that many bytes.
func cut(s string, most int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= most {
		return s
	}
	const rest = " ..."
	return strings.ToValidUTF8(s[:most-len(rest)], "") + rest
}
