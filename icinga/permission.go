package icinga

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Permissions are what the ApiUser may do.
type Permissions struct {
	User    string
	Version string   // Icinga2's, such as r2.13.6-1
	Held    []string // as configured, such as "actions/*"; without their filters
}

// Permissions asks Icinga2 what the user may do. Everyone who can log in may ask.
func (c *Client) Permissions(ctx context.Context) (Permissions, error) {
	results, err := c.do(ctx, call{op: "read own permissions", path: "/v1", repeat: true})
	if err != nil {
		return Permissions{}, err
	}
	if len(results) != 1 {
		return Permissions{}, fmt.Errorf("icinga2: read own permissions: %d results, want 1", len(results))
	}
	p := Permissions{User: results[0].User, Version: results[0].Version}
	for _, raw := range results[0].Permissions {
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return Permissions{}, fmt.Errorf("icinga2: read own permissions: %w", err)
		}
		// A permission with a filter is listed with this remark.
		p.Held = append(p.Held, strings.TrimSuffix(s, " (filtered)"))
	}
	return p, nil
}

// Has tells whether one of the permissions that are held covers need. Case does not matter and "*" stands for anything, slashes included, as in
// Icinga2.
func (p Permissions) Has(need string) bool {
	return slices.ContainsFunc(p.Held, func(held string) bool {
		// path.Match keeps "*" inside a slash; Icinga2 does not. Without slashes both agree.
		flat := strings.NewReplacer("/", "\x01", "[", `\[`, `\`, `\\`)
		ok, err := path.Match(flat.Replace(strings.ToLower(held)), strings.ReplaceAll(strings.ToLower(need), "/", "\x01"))
		return ok && err == nil
	})
}

// Missing returns those of the permissions that are not held, in order.
func (p Permissions) Missing(need ...string) []string {
	var missing []string
	for _, n := range need {
		if !p.Has(n) {
			missing = append(missing, n)
		}
	}
	return missing
}

// Feature is a part of what a Client does that can be used, and permitted, by itself.
type Feature string

// The features.
const (
	FeatureRead     Feature = "read"     // objects, problems, comments, downtimes, the daemon's own state
	FeatureAct      Feature = "act"      // acknowledge, comment, downtimes, checks at once, notifications
	FeatureReport   Feature = "report"   // results of checks that were made elsewhere
	FeatureStream   Feature = "stream"   // events as they happen
	FeatureRegister Feature = "register" // hosts and services that are made, changed and removed
)

// Features returns all features, in the order in which they need each other.
func Features() []Feature {
	return []Feature{FeatureRead, FeatureAct, FeatureReport, FeatureStream, FeatureRegister}
}

// Needs returns the permissions that the feature needs.
func (f Feature) Needs() []string {
	switch f {
	case FeatureRead:
		return []string{"status/query", "objects/query/Host", "objects/query/Service", "objects/query/Comment", "objects/query/Downtime"}
	case FeatureAct:
		return []string{
			"actions/reschedule-check", "actions/acknowledge-problem", "actions/remove-acknowledgement", "actions/add-comment",
			"actions/schedule-downtime", "actions/remove-downtime", "actions/send-custom-notification", "objects/query/Notification",
		}
	case FeatureReport:
		return []string{"actions/process-check-result"}
	case FeatureStream:
		var needs []string
		for _, t := range EventTypes() {
			needs = append(needs, "events/"+string(t))
		}
		return needs
	case FeatureRegister:
		return []string{
			"templates/query/Host", "templates/query/Service", "objects/create/Host", "objects/create/Service",
			"objects/modify/Host", "objects/modify/Service", "objects/delete/Host", "objects/delete/Service",
		}
	}
	return nil
}

// Needed returns the permissions that the calls of a Client need, all of them: what the ApiUser of [Kit] holds.
func Needed() []string {
	var needs []string
	for _, f := range Features() {
		needs = append(needs, f.Needs()...)
	}
	return needs
}

// Missing asks Icinga2 what the user may do and returns what the features need and it does not have, by feature. None is an empty map.
func (c *Client) Missing(ctx context.Context, features ...Feature) (map[Feature][]string, error) {
	held, err := c.Permissions(ctx)
	if err != nil {
		return nil, err
	}
	missing := map[Feature][]string{}
	for _, f := range features {
		if m := held.Missing(f.Needs()...); len(m) > 0 {
			missing[f] = m
		}
	}
	return missing, nil
}

// explain finds out what "not found" means: versions before 2.14.9, 2.15.4 and 2.16.2 say so as well when a permission is missing.
func (c *Client) explain(ctx context.Context, err error, need ...string) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || (e.kind != ErrNotFound && e.kind != ErrForbidden) {
		return err
	}
	held, heldErr := c.Permissions(ctx)
	if heldErr != nil {
		return err // the first error says more
	}
	missing := held.Missing(need...)
	if len(missing) == 0 {
		return err
	}
	return &Error{
		Op: e.Op, Code: e.Code, kind: ErrForbidden,
		Status: fmt.Sprintf("ApiUser %s lacks the permission %s; add it to the user's permissions in Icinga2", held.User, strings.Join(missing, ", ")),
	}
}
