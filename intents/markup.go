package intents

import "strings"

// unmark takes chat markup off text: `<url|label>` becomes the URL (never the label), and the entities of Slack
// become their characters. Mentions stay: `<@U123>` is taken off where it is the bot's.
func unmark(text string) string {
	if strings.IndexByte(text, '<') >= 0 {
		text = unlink(text)
	}
	if strings.ContainsAny(text, "*_") {
		text = unbold(text)
	}
	if strings.IndexByte(text, '&') >= 0 {
		text = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
	}
	return text
}

// unbold takes the asterisks and underscores off that chat platforms show as bold and italics. One that stands alone, within a word
// or around all of the text stays: a whole command in italics is rather spoken of than given.
func unbold(text string) string {
	edge := func(c byte) bool { return strings.IndexByte(" \n.,;:!?", c) >= 0 }
	for _, mark := range []string{"**", "__", "*", "_"} {
		for from := 0; from < len(text); {
			open := strings.Index(text[from:], mark)
			if open < 0 {
				break
			}
			open += from
			from = open + len(mark)
			if open > 0 && !edge(text[open-1]) || from >= len(text) || edge(text[from]) {
				continue
			}
			length := strings.Index(text[from:], mark)
			end := from + length + len(mark)
			if length < 1 || edge(text[from+length-1]) || end < len(text) && !edge(text[end]) || open == 0 && end == len(text) {
				continue
			}
			text = text[:open] + text[from:from+length] + text[end:]
			from = open + length
		}
	}
	return text
}

// unlink replaces each <http...> and <http...|label> by its URL, channels by their names and emoji by their codes.
func unlink(text string) string {
	var b strings.Builder
	for {
		open := strings.IndexByte(text, '<')
		if open < 0 {
			break
		}
		length := strings.IndexByte(text[open:], '>')
		if length < 0 {
			break
		}
		inner := text[open+1 : open+length]
		b.WriteString(text[:open])
		if target, _, _ := strings.Cut(inner, "|"); isURL(target) {
			b.WriteString(target)
		} else if said := saidFor(inner); said != "" {
			b.WriteString(said)
		} else {
			b.WriteString(text[open : open+length+1])
		}
		text = text[open+length+1:]
	}
	b.WriteString(text)
	return b.String()
}

// saidFor returns what stands for a piece of markup in plain text: the name of a channel, the code of an emoji; "" where it must stay as it is.
func saidFor(inner string) string {
	if id, name, ok := strings.Cut(inner, "|"); ok && strings.HasPrefix(id, "#") && name != "" {
		return "#" + name
	}
	code, animated := strings.CutPrefix(inner, "a:")
	if !animated {
		code, animated = strings.CutPrefix(inner, ":")
	}
	if name, id, ok := strings.Cut(code, ":"); animated && ok && digits(id) && name != "" {
		return ":" + name + ":"
	}
	return ""
}

// unwrap takes off what may stand around a command: a mention of the bot, the name of a slash command, one pair
// of back-ticks. It fails on text that somebody else said: quoted lines, fences, quotation marks around all.
func unwrap(text string, u *Utterance) (string, error) {
	text = strings.TrimSpace(text)
	if u.Door != DoorTerminal {
		text = unmention(text, u.Self)
	}
	for _, verb := range []string{"run ", "do ", "execute "} { // "run `flush edge-2`"
		if rest, ok := strings.CutPrefix(text, verb); ok && len(rest) > 1 && rest[0] == '`' && strings.IndexByte(rest[1:], '`') == len(rest)-2 {
			text = rest
		}
	}
	if len(text) > 1 && text[0] == '`' && strings.IndexByte(text[1:], '`') == len(text)-2 {
		text = strings.TrimSpace(text[1 : len(text)-1])
	}
	switch {
	case text == "":
		return "", errEmpty
	case text[0] == '>' || strings.Contains(text, "\n>") || strings.Contains(text, "```"):
		return "", errQuoted
	case text[0] == '~' && text[len(text)-1] == '~':
		return "", errStruck
	case (text[0] == '"' || text[0] == '\'') && len(text) > 1 && strings.IndexByte(text[1:], text[0]) == len(text)-2:
		return "", errQuoted
	}
	return text, nil
}

// unmention takes one mention of the bot off the head of text, with the comma or colon behind it.
func unmention(text, self string) string {
	head, rest, _ := strings.Cut(text, " ")
	name := strings.TrimRight(head, ",:")
	if id, ok := strings.CutPrefix(name, "<@"); ok {
		id, _, _ = strings.Cut(strings.TrimSuffix(strings.TrimPrefix(id, "!"), ">"), "|")
		if self != "" && id != self || !strings.HasSuffix(name, ">") {
			return text
		}
		return strings.TrimSpace(strings.TrimLeft(rest, ",: "))
	}
	switch strings.ToLower(name) {
	case "opsbot", "@opsbot", "/opsbot", "!opsbot", "/ops", "!ops":
		return strings.TrimSpace(rest)
	}
	return text
}
