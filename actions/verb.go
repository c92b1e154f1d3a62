package actions

import (
	"context"
	"time"
)

// Verb is what stands behind an intent: exactly one of Plan and Answer is set.
type Verb struct {
	Intent string
	Risk   Risk
	// Plan says what would be done, changing nothing. Its error is for people: it names the thing and the next step.
	Plan func(ctx context.Context, r Request, w World) (Plan, error)
	// Answer reads and tells. It makes no run. One whose risk is not Read hands something out, which is written to the audit log first.
	Answer func(ctx context.Context, r Request, w World) (Answer, error)
}

// Answer is what a reading verb found, for people (Title, Lines, Table, Hint) and for programs (Data).
type Answer struct {
	Title string   `json:"title"`
	Lines []string `json:"lines,omitempty"`
	Table *Table   `json:"table,omitempty"`
	Hint  string   `json:"hint,omitempty"` // the next thing to try
	Bad   bool     `json:"bad,omitempty"`  // what was found is not well: the exit code is 1
	Code  []string `json:"code,omitempty"` // to copy, one a line
	// Secret answers are for who asked alone, and are written down nowhere: Code and Data let somebody in.
	Secret bool `json:"secret,omitempty"`
	Data   any  `json:"data,omitempty"`
}

// Table is rows under columns; every row has as many cells as there are columns.
type Table struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// Progress tells how far a step has come. It is lossy and never stored.
type Progress struct {
	Run   string    `json:"run"`
	Step  int       `json:"step"`
	Node  string    `json:"node,omitempty"`
	Say   string    `json:"say"`
	Done  int       `json:"done,omitempty"`
	Total int       `json:"total,omitempty"`
	At    time.Time `json:"at"`
}
