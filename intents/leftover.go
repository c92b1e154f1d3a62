package intents

import (
	"slices"
	"strings"
	"unicode"
)

// leftovers finds the words of the order that belong to nothing that the intent is about.
func (fr *frame) leftovers(s *saying, v *vocabulary, f feeling) {
	object := false // what the verb is about comes next
	if s.asksFirst() {
		fr.odd = "?" // a question before the order, or within it
	}
	for i := range s.words {
		w := s.words[i].low
		switch {
		case i == f.verb:
			object = true
		case s.of[i] >= 0 || i > 0 && s.stops(i-1) || preposition(w):
			object = false
		}
		if f.verb >= 0 && i != f.verb && s.strangeAt(v, i) && v.idleSlip(w, fr.class) {
			fr.bare = true // less sure
			continue
		}
		fr.anywhere(s, v, f, i)
		switch {
		case f.verb < 0 && s.tellsWhy(i): // "maintenance on edge-2 for 2h, new disks"
		case i >= fr.command[0] && i < fr.command[1]: // the command of a job was read already
		case s.of[i] >= 0 || s.words[i].quoted || s.cues[i] != cueNone:
		case f.verb >= 0 && s.clause[i] != s.clause[f.verb] && !v.strong(s, i): // a clause without an order tells why
		default:
			fr.inOrder(s, v, f, i, object && i > f.verb)
		}
	}
}

// anywhere judges word i wherever in the text it stands.
func (fr *frame) anywhere(s *saying, v *vocabulary, f feeling, i int) {
	w := s.words[i].low
	switch {
	case s.of[i] >= 0:
		return
	case s.words[i].quoted:
		fr.odd = quote(s.words[i].raw)
		return
	}
	changes := fr.spec.Risk.Changes()
	order := f.verb >= 0 && s.clause[i] == s.clause[f.verb]
	relative := f.verb >= 0 && s.relative(f.verb, i)
	foreign := !s.info[i].says(fr.class)
	switch {
	case f.verb >= 0 && i > f.verb && s.strangeAt(v, i) && (order || s.clause[i] > s.clause[f.verb] && nearCue(w)): // it could be "unless" with a slip in it
		fr.shift = w
	case changes && fr.predicate(s, f, i), w == "instead", (w == "through" || w == "thru") && s.between(i): // "recheck edge-2 failed", "edge-4 through edge-1"
		fr.shift = w
	case changes && (order || f.verb < 0 && !s.tellsWhy(i) || s.lone(i)) && fr.narrows(w):
		fr.narrow = w
	case changes && i > 0 && s.words[i-1].low == "only" && s.of[i-1] < 0 && (order || f.verb < 0) && !preposition(w) && w != "mode": // "purge only segments of news"
		fr.narrow = w
	case w == "as" && i+1 < len(s.words) && (s.of[i+1] >= 0 && s.ents[s.of[i+1]].kind == kindPerson || s.of[i+1] < 0 && !s.info[i+1].says(fr.class)) && !fr.takesCommand():
		fr.shift = w + " " + s.words[i+1].low
	case w == "and" && i == len(s.words)-1, alters(w) && foreign && !relative:
		fr.shift = w
	case finite(w) && i > 0 && s.of[i-1] >= 0 && order && s.cues[f.verb] != cueWant && !relative: // "purge news is running"
		fr.shift = w
	case s.cues[i] == cueWant && f.verb >= 0 && i > f.verb && order && s.behind(i): // "ack edge-2 needs approval"
		fr.shift = w
	case s.cues[i] == cueQuote && foreign, s.cues[i] == cueReport && order && !relative && (foreign || w == "by"):
		fr.shift = w
	case !lettered(w) && s.cues[i] == cueNone && !(w == ":" && fr.takesCommand() && s.introduces(i, fr.command[0])):
		fr.odd = s.words[i].raw
	}
}

// predicate reports whether word i tells something about the thing before it, so that the whole is a report: "recheck edge-2 failed", "pause of automation
// over". A verb that says what is to become of the thing does not: "mark edge-2 acked", "set it to paused".
func (fr *frame) predicate(s *saying, f feeling, i int) bool {
	if i <= f.verb || f.verb >= 0 && (s.clause[i] != s.clause[f.verb] || s.relative(f.verb, i)) || i == 0 {
		return false
	}
	switch s.words[i-1].low {
	case "as", "to", "be", "get", "been", "from", "into", "in", "the", "a", "an", "that", "which", "what", "of", "with", "for", "by", "any", "all", "every", "no":
		return false
	}
	if f.verb >= 0 && !s.thingBetween(f.verb, i) {
		return false
	}
	info, w := s.info[i], s.words[i].low
	if info.verb && info.lemma.form != formBase {
		return f.verb < 0 || !info.actsFor(fr.class) || !marks(s.info[f.verb].base(s.words[f.verb].low))
	}
	if strings.HasSuffix(w, "ed") && len(w) > 4 && !info.verb && s.behind(i) {
		return true // "ack edge-2 worked"
	}
	switch w {
	case "went", "did", "does", "had", "has", "was", "is", "were", "are", "got", "took", "hung", "gave", "over", "done", "wrong", "good", "fine", "bad", "stuck", "broken", "errors", "error", "useless", "never", "still", "happened", "succeeded", "crashed", "broke", "slow", "slowly", "ok", "okay", "hangs", "seems", "looks", "complete", "works", "work", "old", "entire", "full":
		return f.verb < 0 || s.cues[f.verb] != cueWant && !light(s.info[f.verb].base(s.words[f.verb].low))
	}
	return false
}

// marks reports whether the verb w makes of a thing what the word behind it says: "mark edge-2 acked".
func marks(w string) bool {
	switch w {
	case "mark", "flag", "set", "get", "have", "put", "leave", "keep", "make", "need", "want":
		return true
	}
	return false
}

// behind reports whether word i stands behind something that is spoken of in its clause, and in no phrase of its own ("for the match").
func (s *saying) behind(i int) bool {
	seen := false
	for j := i - 1; j >= 0 && s.clause[j] == s.clause[i]; j-- {
		if s.of[j] >= 0 {
			seen = true
			break
		}
		switch w := s.words[j].low; {
		case preposition(w), w == "off", w == "out", w == "into", w == "onto", w == "through", w == "under", w == "as", w == "than", w == "until", w == "over":
			return false
		}
	}
	return seen
}

// thingBetween reports whether a thing, or what an intent without slots is about, stands between words i and j.
func (s *saying) thingBetween(i, j int) bool {
	for k := i + 1; k < j; k++ {
		switch w := s.words[k].low; {
		case s.of[k] >= 0, w == "automation", w == "rules", w == "everything", w == "jobs", w == "it", w == "them":
			return true
		}
	}
	return false
}

// lone reports whether the clause of word i is nothing but a word or two: "ack edge-2, memory".
func (s *saying) lone(i int) bool {
	n := 0
	for j := range s.words {
		if s.clause[j] == s.clause[i] && s.cues[j] != cuePolite {
			n++
		}
	}
	return n < 3
}

// narrows reports whether w is the word for a part of what would be meant without it: a service that the slot for it does not hold, a part of a channel.
func (fr *frame) narrows(w string) bool {
	if (fr.spec.Name == "cache.purge" || fr.spec.Name == "cache.flush" || fr.spec.Name == "cache.prime") && !fr.slots.Has("url") && !fr.slots.Has("tag") && !fr.slots.Has("prefix") {
		switch w {
		case "segments", "segment", "playlist", "playlists", "manifest", "manifests", "thumbnails", "subtitles", "memory":
			return true
		}
	}
	if fr.slots.Has("service") || !slices.ContainsFunc(fr.spec.Slots, func(s SlotSpec) bool { return s.kind == kindService }) {
		return false
	}
	switch w {
	case "disk", "disks", "cpu", "memory", "ram", "swap", "load", "ping", "http", "https", "ssh", "ntp", "dns", "tls", "cert", "certificate", "certificates", "process", "processes", "procs", "network", "bandwidth", "latency", "inode", "inodes", "fan", "fans",
		"temperature", "raid", "mount", "filesystem", "io", "hit", "rate", "uptime", "clock", "log", "logs", "port", "interface", "smart", "backup", "service", "check":
		return w != "service" && w != "check"
	}
	return false
}

// inOrder judges word i of the order; object says that it stands where the verb's object does.
func (fr *frame) inOrder(s *saying, v *vocabulary, f feeling, i int, object bool) {
	w, info := s.words[i].low, s.info[i]
	if (s.fixed[i] && (selecting(w) || s.nextTo(i) && !v.pairs[pairOf{s.words[max(i-1, 0)].low, w, fr.class}]) || !info.says(fr.class) && !info.function && !info.shifting) && i != f.verb && s.restricts(i) || s.unresolved(i, v) {
		fr.shift = w
	}
	relative := f.verb >= 0 && s.relative(f.verb, i)
	switch {
	case fr.spec.Risk.Changes() && f.verb >= 0 && i > f.verb && !relative && !light(s.info[f.verb].base(s.words[f.verb].low)) && s.behind(i) && lettered(w) && !info.says(fr.class) && !info.function: // "recheck edge-2 timed out"
		fr.shift = w
	case i != f.verb && s.placed(i, fr.class): // "remove /var/log on purge": no verb
		fr.shift = w
	case info.says(fr.class):
	case info.shifting && f.verb >= 0 && (i == f.verb || relative || s.cues[f.verb] == cueWant && (w == "is" || w == "are")):
	case object && relative: // "whatever is wrong on edge-2"
	case info.shifting:
		fr.shift = w
	case info.function, !lettered(w), object && fr.wants(w), fr.rings(w):
	case i == f.verb && !fr.borrowed && (fr.light || f.weak || light(info.base(w))):
	case i == f.verb && fr.borrowed, object && i+1 < len(s.words) && s.of[i+1] >= 0: // "the flap rule recheck-on-flap"
		fr.alien = append(fr.alien, w)
	case object || i == f.verb:
		fr.object = w
		fr.alien = append(fr.alien, w)
	case !info.generic:
		fr.alien = append(fr.alien, w)
	}
}

// placed reports whether word i is a verb of the catalogue that stands behind a preposition of place, and so is none there.
func (s *saying) placed(i, class int) bool {
	if i == 0 || s.of[i-1] >= 0 || !s.info[i].heavy || !s.info[i].verb || s.info[i].lemma.form != formBase {
		return false
	}
	w := s.words[i-1].low
	return w == "on" || w == "at" || w == "in" && !s.info[i].says(class)
}

// between reports whether word i stands between two things of one kind.
func (s *saying) between(i int) bool {
	return i > 0 && i+1 < len(s.words) && s.of[i-1] >= 0 && s.of[i+1] >= 0 && s.ents[s.of[i-1]].kind == s.ents[s.of[i+1]].kind
}

// tellsWhy reports whether word i stands in a clause behind the first that speaks of nothing in the inventory.
func (s *saying) tellsWhy(i int) bool {
	if s.clause[i] == 0 {
		return false
	}
	for j := range s.words {
		if s.clause[j] == s.clause[i] && s.of[j] >= 0 {
			return false
		}
	}
	return true
}

// restricts reports whether word i stands where a thing would that narrows down or widens what is meant: behind "in" or "and", or between two things.
func (s *saying) restricts(i int) bool {
	if i+2 < len(s.words) && s.of[i+1] < 0 && s.words[i+1].low == "and" && s.of[i+2] >= 0 {
		return true // "mars and edge-1"
	}
	j := i - 1
	for j >= 0 && s.of[j] < 0 && (s.words[j].low == "the" || s.words[j].low == "a" || s.words[j].low == "an") {
		j--
	}
	if j < 0 {
		return false
	}
	if s.of[j] >= 0 {
		return s.words[j].comma || i+1 < len(s.words) && s.of[i+1] >= 0 && s.ents[s.of[j]].kind == s.ents[s.of[i+1]].kind
	}
	switch s.words[j].low {
	case "in", "at", "on", "from", "of", "and", "to", "with", "within", "only", "without", "except", "but", "not", "inside", "near":
		return true
	}
	return false
}

// nextTo reports whether word i is joined to a machine that is named: "edge-1 and mars", "every node in mars", "mars and edge-1".
func (s *saying) nextTo(i int) bool {
	node := func(j int) bool {
		return j >= 0 && j < len(s.words) && s.of[j] >= 0 && s.ents[s.of[j]].kind == kindNode
	}
	if i+1 < len(s.words) && s.words[i+1].low == "and" && node(i+2) {
		return true
	}
	j := i - 1
	for j >= 0 && s.of[j] < 0 && (s.words[j].low == "the" || s.words[j].low == "a") {
		j--
	}
	return node(j) || node(j-1)
}

// unresolved reports whether word i stands in a description of nodes that nothing fits: "all lisbonn edges".
func (s *saying) unresolved(i int, v *vocabulary) bool {
	if s.info[i].function || s.words[i].word != wordNone && !s.fixed[i] {
		return false
	}
	noun := false
	for j := i + 1; j < min(i+3, len(s.words)) && s.of[j] < 0; j++ {
		switch s.words[j].word {
		case wordNode, wordNodes, wordEdge, wordEdges, wordMac, wordMacs:
			noun = true
		}
	}
	if !noun || i == 0 {
		return false
	}
	for j := i - 1; j >= max(0, i-2); j-- {
		switch s.words[j].low {
		case "all", "every", "each", "the", "both", "only":
			return s.of[j] < 0
		}
	}
	return false
}

// relative reports whether word i stands in a description that begins between the verb and it: "dump everything edge-1 has cached".
func (s *saying) relative(verb, i int) bool {
	if s.clause[i] != s.clause[verb] {
		return false
	}
	for j := verb + 1; j < i; j++ {
		switch s.words[j].low {
		case "everything", "whatever", "what", "that", "which", "anything":
			return s.of[j] < 0
		}
	}
	return false
}

// rings reports whether w is a word for alerts, and the intent is about them.
func (fr *frame) rings(w string) bool {
	switch w {
	case "alert", "alerts", "alarm", "alarms", "notification", "notifications", "pager", "pages", "paging":
		return strings.HasPrefix(fr.spec.Name, "alert.") || strings.HasPrefix(fr.spec.Name, "downtime.")
	}
	return false
}

// introduces reports whether the colon at i stands between a time or a name and the command of a job, which begins at command.
func (s *saying) introduces(i, command int) bool {
	return i > 0 && s.of[i-1] >= 0 || i+1 == command
}

// takesCommand reports whether the intent holds a whole command: what a job says.
func (fr *frame) takesCommand() bool {
	return slices.ContainsFunc(fr.spec.Slots, func(s SlotSpec) bool { return s.kind == kindCommand })
}

// wants reports whether w is the word for a thing that a slot which is not filled would take: "put a node into downtime".
func (fr *frame) wants(w string) bool {
	for _, slot := range fr.spec.Slots {
		if fr.slots.Has(slot.Name) {
			continue
		}
		switch {
		case w == slot.Name || w == slot.Type || w == slot.Type+"s":
			return true
		case slot.kind == kindNode && slices.Contains([]string{"edge", "edges", "box", "boxes", "machine", "machines", "host", "hosts", "server", "servers"}, w):
			return true
		case slot.kind == kindDeployment && slices.Contains([]string{"channel", "channels", "stream", "streams"}, w):
			return true
		}
	}
	return false
}

// nearCue reports whether w is a slip of the finger away from a word that takes back or holds up what was said.
func nearCue(w string) bool {
	for _, cue := range []string{"if", "unless", "once", "when", "until", "till", "while", "case", "soon", "provided", "only", "after", "wait", "actually", "sorry", "scratch", "mean", "rather", "never", "not", "dont", "don't", "without", "except", "stop", "hold", "oops"} {
		if distance(cue, w, 1) <= 1 {
			return true
		}
	}
	return false
}

// idleSlip reports whether w, which nobody knows, can be nothing but a slip of a word that says nothing, or that belongs to the intent.
func (v *vocabulary) idleSlip(w string, class int) bool {
	if len(w) < 3 || nearCue(w) {
		return false
	}
	var found [12]string
	n, idle := 0, false
	v.closeTo(w, w, &found, &n)
	for i := range len(w) {
		v.closeTo(w[:i]+w[i+1:], w, &found, &n)
	}
	for _, hit := range found[:n] {
		info := v.at(hit)
		if info.shifting || info.alien || info.heavy && !info.actsFor(class) {
			return false
		}
		idle = idle || info.function || info.generic || info.says(class)
		for _, c := range info.cues {
			if c.kind != cuePolite {
				return false
			}
		}
	}
	return idle
}

// alters reports whether w, wherever it stands, leaves something out or asks.
func alters(w string) bool {
	switch w {
	case "or", "nor", "except", "excluding", "why", "how", "who", "when", "where", "did":
		return true
	}
	return false
}

// finite reports whether w, behind a name, tells something about it: "purge news is running".
func finite(w string) bool {
	switch w {
	case "is", "are", "was", "were", "has", "had", "does", "did", "will", "would", "can", "could", "should", "must", "might":
		return true
	}
	return false
}

// preposition reports whether w begins a new part of a sentence, so that what follows is not what the verb is about.
func preposition(w string) bool {
	switch w {
	case "on", "in", "from", "at", "for", "of", "to", "with", "by", "before", "during", "and", "so", "because", "since":
		return true
	}
	return false
}

// lettered reports whether w is made of letters, with hyphens and apostrophes within.
func lettered(w string) bool {
	for i, r := range w {
		if !unicode.IsLetter(r) && (i == 0 && w != "'s" || r != '-' && r != '\'') {
			return false
		}
	}
	return true
}
