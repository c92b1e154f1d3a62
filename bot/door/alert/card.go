package alert

import (
	"fmt"
	"strings"
	"time"

	"github.com/shitops/opsbot/bot/reply"
)

// Status is where an incident is.
type Status string

// The statuses.
const (
	Open         Status = "open"
	Acknowledged Status = "acknowledged"
	InDowntime   Status = "in downtime"
	IsFlapping   Status = "flapping"
	Resolved     Status = "resolved"
)

// Status returns where the incident is. Of several the one that explains the silence best counts.
func (in Incident) Status() Status {
	switch {
	case !in.open():
		return Resolved
	case in.Downtime.on():
		return InDowntime
	case in.Ack.on():
		return Acknowledged
	case in.Flapping.on():
		return IsFlapping
	}
	return Open
}

// Card is the incident as people see it: one living message, whose ID is the problem's. Its buttons say what a person could type.
func (in Incident) Card() reply.Card {
	c := reply.Card{ID: in.Problem.ID(), Kind: reply.Progress, Live: in.open(), Data: in.told()}
	c.Title = fmt.Sprintf("%s is %s since %s", in.Object(), in.State, in.Problem.Since.UTC().Format("15:04:05 MST")) + in.care()
	switch {
	case !in.open() && in.State == "":
		c.Kind, c.Title = reply.Done, in.Object()+" is no longer monitored"
	case !in.open():
		c.Kind = reply.Done
		c.Title = fmt.Sprintf("%s is %s again, after %s", in.Object(), in.State, in.Ended.Sub(in.Problem.Since).Round(time.Second))
	case in.Called:
		c.Kind = reply.Failed
	}
	if line := in.symptoms(); line != "" {
		c.Lines = append(c.Lines, line)
	}
	for n, l := range in.Lines {
		if n == linesFirst && in.Cut > 0 {
			c.Lines = append(c.Lines, fmt.Sprintf("... %d more", in.Cut))
		}
		c.Lines = append(c.Lines, l.At.UTC().Format("15:04:05 ")+l.Text)
	}
	if in.open() && in.Node != "" {
		c.Buttons = in.buttons()
		if !in.Ack.on() {
			c.Hint = "take it over: " + in.command("ack")
		}
	}
	return c
}

// told is the incident without what serves to know things again.
func (in Incident) told() Incident {
	in.Seen, in.EndedExact = nil, time.Time{}
	return in
}

// care says by what people are kept from being told again, with who and until when.
func (in Incident) care() string {
	var b strings.Builder
	for _, c := range []struct {
		what string
		care *Care
	}{{"acknowledged", in.Ack}, {"in downtime", in.Downtime}, {"flapping", in.Flapping}} {
		if !c.care.on() {
			continue
		}
		b.WriteString(", " + c.what)
		if c.care.By != "" && c.care != in.Flapping {
			b.WriteString(" by " + c.care.By)
		}
		if !c.care.Until.IsZero() {
			b.WriteString(" until " + c.care.Until.UTC().Format("15:04 MST"))
		}
	}
	return b.String()
}

// symptoms names the services that are in trouble because the host is down.
func (in Incident) symptoms() string {
	var all []string
	for _, s := range in.Symptoms {
		all = append(all, s.Service+" "+s.State)
	}
	if len(all) == 0 {
		return ""
	}
	return "its services suffer of it: " + strings.Join(all, ", ")
}

// buttons are the commands that help, as they would be typed.
func (in Incident) buttons() []reply.Button {
	var out []reply.Button
	if !in.Ack.on() {
		out = append(out, reply.Button{Label: "Acknowledge", Say: in.command("ack"), Look: reply.Primary})
	}
	if !in.Downtime.on() {
		out = append(out, reply.Button{Label: "Downtime 2 h", Say: in.command("downtime") + " for 2h"})
	}
	out = append(out, reply.Button{Label: "Re-check", Say: in.command("recheck")})
	if in.Remedy != "" {
		out = append(out, reply.Button{Label: "Run the remedy", Say: in.Remedy, Look: reply.Danger})
	}
	return out
}

// command is a verb on the object: "ack edge-1", or the same with a service.
func (in Incident) command(verb string) string {
	said := verb + " " + in.Node
	if in.Problem.Service != "" {
		said += " service " + quoted(in.Problem.Service)
	}
	return said
}

// quoted writes a name as one word.
func quoted(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	}
	return name
}

// foldedCard closes the card of what has become a symptom.
func (in Incident) foldedCard() reply.Card {
	return reply.Card{
		ID: in.Problem.ID(), Kind: reply.Done, Title: fmt.Sprintf("%s is %s: its host is down, which is told as %s", in.Object(), in.State, in.Problem.Host),
		Data: in.told(),
	}
}

// replacedCard closes the card of a problem of which nobody has told the end.
func replacedCard(id, object string) reply.Card {
	return reply.Card{ID: id, Kind: reply.Done, Title: object + ": it was well in between, and has another problem now"}
}
