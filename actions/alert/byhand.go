package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/shitops/opsbot/actions/run"
)

// curl is the command that a person would type: three variables say where Icinga2 is and who calls.
func curl(action string, body map[string]any) (string, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return "", fmt.Errorf("write the command for %s: %w", action, err)
	}
	quoted := strings.ReplaceAll(string(data), "'", `'\''`)
	return fmt.Sprintf(`curl -sS --cacert "$ICINGA_CA" -u "$ICINGA_LOGIN" -H 'Accept: application/json' -X POST "$ICINGA_URL/v1/actions/%s" -d '%s'`, action, quoted), nil
}

// target names one object as the API does.
func target(host, service string) map[string]any {
	if service == "" {
		return map[string]any{"type": "Host", "host": host}
	}
	return map[string]any{"type": "Service", "service": host + "!" + service}
}

func lines(commands ...func() (string, error)) ([]string, error) {
	var out []string
	for _, c := range commands {
		line, err := c()
		if err != nil {
			return nil, err
		}
		out = append(out, line)
	}
	return out, nil
}

// ByHand implements [run.Handbook].
func (x acker) ByHand(_ context.Context, c run.Call) ([]string, error) {
	args, err := x.a.args(KindAck, c)
	if err != nil {
		return nil, err
	}
	body := target(args.Host, args.Service)
	body["author"], body["comment"], body["notify"] = x.a.author(args.By), comment(args), true
	if args.For > 0 {
		body["expiry"] = x.a.opt.Now().Add(args.For).Unix()
	}
	return lines(func() (string, error) { return curl("acknowledge-problem", body) })
}

// ByHand implements [run.Handbook].
func (x unacker) ByHand(_ context.Context, c run.Call) ([]string, error) {
	args, err := x.a.args(KindUnack, c)
	if err != nil {
		return nil, err
	}
	return lines(func() (string, error) { return curl("remove-acknowledgement", target(args.Host, args.Service)) })
}

// ByHand implements [run.Handbook].
func (x downer) ByHand(_ context.Context, c run.Call) ([]string, error) {
	var args DowntimeArgs
	if err := x.a.decode(KindDowntime, c, &args); err != nil {
		return nil, err
	}
	body := target(args.Hosts.of(c.Node), args.Service)
	body["author"], body["comment"], body["fixed"] = x.a.author(args.By), because(args.Why, "downtime"), args.Flexible == 0
	body["start_time"], body["end_time"] = args.From.Unix(), args.Until.Unix()
	if args.Flexible > 0 {
		body["duration"] = args.Flexible.Seconds()
	}
	if args.Service == "" && !args.HostOnly {
		body["all_services"] = true
	}
	if args.Children {
		body["child_options"] = "DowntimeNonTriggeredChildren"
	}
	return lines(func() (string, error) { return curl("schedule-downtime", body) })
}

// ByHand implements [run.Handbook].
func (x undowner) ByHand(_ context.Context, c run.Call) ([]string, error) {
	var args UndowntimeArgs
	if err := x.a.decode(KindUndowntime, c, &args); err != nil {
		return nil, err
	}
	var all []func() (string, error)
	for _, d := range args.Gone[c.Node] {
		all = append(all, func() (string, error) { return curl("remove-downtime", map[string]any{"downtime": d.Name}) })
	}
	return lines(all...)
}

// ByHand implements [run.Handbook].
func (x rerunner) ByHand(_ context.Context, c run.Call) ([]string, error) {
	var args RerunArgs
	if err := x.a.decode(KindRerun, c, &args); err != nil {
		return nil, err
	}
	host := args.Hosts.of(c.Node)
	if args.Service != "" {
		body := target(host, args.Service)
		body["force"] = true
		return lines(func() (string, error) { return curl("reschedule-check", body) })
	}
	var all []func() (string, error)
	for _, kind := range []string{"Host", "Service"} {
		body := map[string]any{"type": kind, "filter": "host.name==h", "filter_vars": map[string]any{"h": host}, "force": true}
		all = append(all, func() (string, error) { return curl("reschedule-check", body) })
	}
	return lines(all...)
}
