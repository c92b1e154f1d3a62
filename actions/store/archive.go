package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrArchive says that an export is damaged, cut off or none.
var ErrArchive = errors.New("export is damaged")

// maxLine is the most bytes in a line of an export: a value of MaxValue whose every byte is escaped, and its key.
const maxLine = 7*MaxValue + 64<<10

// The kinds of lines. An export is a header, sections that each end with their checksum, and a trailer with the checksum of all.
const (
	lineHeader  = "header"
	lineSection = "section"
	lineKey     = "key"
	lineMessage = "message"
	lineTimer   = "timer"
	lineRecord  = "record"
	lineEnd     = "end"
	lineTrailer = "trailer"
)

// The sections besides one "bucket NAME" per bucket and one "log NAME" per log.
const (
	sectionQueue  = "queue"
	sectionTimers = "timers"
)

// line is one line of an export; which fields it has depends on its kind. Fields that a later version adds are ignored.
type line struct {
	Kind string `json:"kind"`

	Schema      int          `json:"schema,omitempty"`
	Incarnation *Incarnation `json:"incarnation,omitempty"`

	Section string            `json:"section,omitempty"`
	Last    map[string]uint64 `json:"last,omitempty"` // the last sequence number of each stream behind the section

	Key      string    `json:"key,omitempty"`      // or the id of a message or record, or the name of a timer
	Timer    string    `json:"timer,omitempty"`    // the timer that a message comes from
	Revision uint64    `json:"revision,omitempty"` // or the sequence number
	At       time.Time `json:"at,omitzero"`        // when it was written; for a timer, when it comes
	End      time.Time `json:"end,omitzero"`       // when the key vanishes by itself
	Text     string    `json:"text,omitempty"`
	Base64   string    `json:"base64,omitempty"` // the value when it is no UTF-8

	Entries uint64 `json:"entries,omitempty"`
	SHA256  string `json:"sha256,omitempty"`
}

// setValue puts a value into the line, readable if it can be.
func (l *line) setValue(value []byte) {
	if utf8.Valid(value) {
		l.Text = string(value)
	} else {
		l.Base64 = base64.StdEncoding.EncodeToString(value)
	}
}

// value returns what setValue put in.
func (l *line) value() ([]byte, error) {
	if l.Base64 == "" {
		return []byte(l.Text), nil
	}
	value, err := base64.StdEncoding.DecodeString(l.Base64)
	if err != nil {
		return nil, fmt.Errorf("value of %s: %w", l.Key, err)
	}
	return value, nil
}

// Summary says what an export holds.
type Summary struct {
	Schema      int
	Incarnation Incarnation
	At          time.Time         // when it was made
	Entries     uint64            // of all sections
	Sections    map[string]uint64 // entries by section: "bucket runs", "log AUDIT", "queue", "timers"
	SHA256      string            // of everything before the trailer

	last  map[string]uint64 // the last sequence number of each stream
	first map[string]uint64 // the first record of each log
}

// archiver writes an export.
type archiver struct {
	w       *bufio.Writer
	total   hash.Hash
	section hash.Hash
	name    string
	entries uint64
	all     uint64
}

func newArchiver(w io.Writer) *archiver {
	return &archiver{w: bufio.NewWriterSize(w, 1<<20), total: sha256.New(), section: sha256.New()}
}

// put writes one line.
func (a *archiver) put(l line) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("export %s %s: %w", l.Kind, l.Key, err)
	}
	text = append(text, '\n')
	a.total.Write(text)
	a.section.Write(text)
	switch l.Kind {
	case lineKey, lineMessage, lineTimer, lineRecord:
		a.entries++
	}
	if _, err := a.w.Write(text); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// begin starts a section.
func (a *archiver) begin(name string, last map[string]uint64) error {
	a.section.Reset()
	a.name, a.entries = name, 0
	return a.put(line{Kind: lineSection, Section: name, Last: last})
}

// end closes the section with its checksum, which covers its lines from the first on.
func (a *archiver) end() error {
	a.all += a.entries
	return a.put(line{Kind: lineEnd, Section: a.name, Entries: a.entries, SHA256: hex.EncodeToString(a.section.Sum(nil))})
}

// finish writes the trailer.
func (a *archiver) finish() error {
	if err := a.put(line{Kind: lineTrailer, Entries: a.all, SHA256: hex.EncodeToString(a.total.Sum(nil))}); err != nil {
		return err
	}
	if err := a.w.Flush(); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// Verify reads an export and checks its shape, its order and its checksums. It imports nothing.
//
// Returns ErrArchive for a damaged one and ErrSchema for one of a newer version.
func Verify(r io.Reader) (Summary, error) { return scan(r, func(string, line) error { return nil }) }

// scan checks an export and hands every entry to visit, with its section. What visit has seen is sure only when scan returns nil.
func scan(r io.Reader, visit func(section string, l line) error) (Summary, error) {
	s := &scanner{total: sha256.New(), section: sha256.New(), visit: visit}
	s.sum.Sections, s.sum.last, s.sum.first = map[string]uint64{}, map[string]uint64{}, map[string]uint64{}
	lines := bufio.NewReaderSize(r, 1<<20)
	for n := 1; ; n++ {
		text, err := readLine(lines)
		if errors.Is(err, io.EOF) && len(text) == 0 {
			break
		}
		if err == nil {
			err = s.line(text)
		}
		if err != nil {
			return s.sum, fmt.Errorf("read export, line %d: %w", n, err)
		}
	}
	if !s.done {
		return s.sum, fmt.Errorf("read export: %w: it ends without a trailer", ErrArchive)
	}
	return s.sum, nil
}

// readLine returns the next line with its end; a last line without one is damage.
func readLine(r *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		part, err := r.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case err == nil:
			return text, nil
		case len(text) > maxLine:
			return nil, fmt.Errorf("%w: longer than %d bytes", ErrArchive, maxLine)
		case errors.Is(err, io.EOF) && len(text) > 0:
			return nil, fmt.Errorf("%w: the last line is cut off", ErrArchive)
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// scanner is the state of scan.
type scanner struct {
	sum            Summary
	total, section hash.Hash
	visit          func(string, line) error
	name           string // of the open section
	entries        uint64
	before         line // the entry before, for the order
	begun, done    bool
}

// line checks one line.
func (s *scanner) line(text []byte) error {
	if s.done {
		return fmt.Errorf("%w: more after the trailer", ErrArchive)
	}
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	if !s.begun && l.Kind != lineHeader {
		return fmt.Errorf("%w: it begins with %.40q, not a header", ErrArchive, l.Kind)
	}
	if l.Kind == lineSection {
		s.section.Reset()
	}
	sofar, total := hex.EncodeToString(s.section.Sum(nil)), hex.EncodeToString(s.total.Sum(nil))
	s.section.Write(text)
	s.total.Write(text)
	switch l.Kind {
	case lineHeader:
		return s.header(l)
	case lineSection:
		return s.open(l)
	case lineEnd:
		return s.end(l, sofar)
	case lineTrailer:
		return s.trailer(l, total)
	case lineKey, lineMessage, lineTimer, lineRecord:
		return s.entry(l)
	}
	return fmt.Errorf("%w: unknown kind %.40q", ErrArchive, l.Kind)
}

func (s *scanner) header(l line) error {
	if s.begun {
		return fmt.Errorf("%w: a second header", ErrArchive)
	}
	if l.Schema > Schema {
		return fmt.Errorf("%w: schema %d, this program knows %d: install the newer program again", ErrSchema, l.Schema, Schema)
	}
	if l.Schema < 1 || l.Incarnation == nil || l.Incarnation.Number < 1 {
		return fmt.Errorf("%w: header without schema or incarnation", ErrArchive)
	}
	s.begun = true
	s.sum.Schema, s.sum.Incarnation, s.sum.At = l.Schema, *l.Incarnation, l.At
	return nil
}

func (s *scanner) open(l line) error {
	if _, twice := s.sum.Sections[l.Section]; s.name != "" || twice || !slices.Contains(sections(), l.Section) {
		return fmt.Errorf("%w: section %.80q in %.80q, twice or unknown", ErrArchive, l.Section, s.name)
	}
	s.name, s.entries, s.before = l.Section, 0, line{}
	maps.Copy(s.sum.last, l.Last)
	return nil
}

// sections returns the names of all sections.
func sections() []string {
	var all []string
	for _, name := range Buckets() {
		all = append(all, "bucket "+name)
	}
	for _, name := range Logs() {
		all = append(all, "log "+name)
	}
	return append(all, sectionQueue, sectionTimers)
}

func (s *scanner) end(l line, sofar string) error {
	if s.name == "" || l.Section != s.name || l.Entries != s.entries || l.SHA256 != sofar {
		return fmt.Errorf("%w: section %q has %d entries with checksum %.12s, but says %d with %.12s", ErrArchive, s.name, s.entries, sofar, l.Entries, l.SHA256)
	}
	s.sum.Sections[s.name] = s.entries
	s.sum.Entries += s.entries
	s.name = ""
	return nil
}

func (s *scanner) trailer(l line, total string) error {
	if s.name != "" || l.Entries != s.sum.Entries || l.SHA256 != total {
		return fmt.Errorf("%w: %d entries with checksum %.12s, but the trailer says %d with %.12s", ErrArchive, s.sum.Entries, total, l.Entries, l.SHA256)
	}
	s.sum.SHA256, s.done = total, true
	return nil
}

// entry checks that an entry fits its section and comes after the one before.
func (s *scanner) entry(l line) error {
	value, err := l.value()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	if err := CheckValue(l.Key, value); err != nil {
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	kind, named, sorted := entryRules(s.name, l, s.before)
	if l.Kind != kind || named != nil || !sorted {
		return fmt.Errorf("%w: %s %.80q in section %q, out of order, place or shape", ErrArchive, l.Kind, l.Key, s.name)
	}
	if log, ok := strings.CutPrefix(s.name, "log "); ok && s.entries == 0 {
		s.sum.first[log] = l.Revision
	}
	s.entries++
	s.before = l
	return s.visit(s.name, l)
}

// entryRules returns which kind a section holds, whether the name of l is allowed there, and whether l may follow before.
func entryRules(section string, l, before line) (kind string, named error, sorted bool) {
	switch {
	case strings.HasPrefix(section, "bucket "):
		return lineKey, CheckKey(l.Key), l.Key > before.Key && l.Revision > 0
	case strings.HasPrefix(section, "log "):
		return lineRecord, CheckID(l.Key), l.Revision > before.Revision
	case section == sectionQueue:
		return lineMessage, CheckID(l.Key), l.Revision > before.Revision
	case section == sectionTimers:
		return lineTimer, CheckID(l.Key), l.Key > before.Key
	}
	return "", nil, false
}

// sameValue says whether the line holds these bytes.
func (l *line) sameValue(value []byte) bool {
	mine, err := l.value()
	return err == nil && bytes.Equal(mine, value)
}
