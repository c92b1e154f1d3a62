package reply

import (
	"strings"

	"github.com/shitops/opsbot/actions"
)

// gap is what stands between two columns.
const gap = "  "

// narrowest is the fewest columns that the last column of a table is wrapped into before the table is shown row by row instead.
const narrowest = 16

// table writes rows under columns, numbers to the right. Where the terminal is too narrow the last column is wrapped, and where that does not
// help every row becomes a paragraph of its own. Nothing is cut off.
func (p *page) table(t actions.Table) {
	g := newGrid(t)
	if len(g.widths) == 0 {
		return
	}
	if len(g.rows) == 0 {
		p.line(margin + p.style.paint(dim, "none"))
		return
	}
	last := len(g.widths) - 1
	room := p.room(len(margin))
	if over := g.total() - room; room > 0 && over > 0 {
		if g.widths[last]-over < narrowest || g.right[last] {
			p.records(g)
			return
		}
		g.widths[last] -= over
	}
	p.row(g, g.head, bold)
	for _, r := range g.rows {
		p.row(g, r, "")
	}
}

// row writes one row; a last cell that is too wide goes on below itself.
func (p *page) row(g grid, cells []string, color string) {
	last := len(cells) - 1
	tail := wrap(cells[last], g.widths[last])
	lead := 0
	var b strings.Builder
	for i, c := range cells[:last] {
		b.WriteString(pad(p.style.paint(color, c), g.widths[i], g.right[i]) + gap)
		lead += g.widths[i] + len(gap)
	}
	p.line(margin + b.String() + pad(p.style.paint(color, tail[0]), g.widths[last], g.right[last]))
	for _, l := range tail[1:] {
		p.line(margin + strings.Repeat(" ", lead) + l)
	}
}

// records writes each row as "column  cell" lines, leaving out what is empty.
func (p *page) records(g grid) {
	widest := 0
	for _, h := range g.head {
		widest = max(widest, Columns(h))
	}
	for n, r := range g.rows {
		if n > 0 {
			p.line("")
		}
		for i, c := range r {
			if c == "" {
				continue
			}
			for k, l := range wrap(c, p.room(len(margin)+widest+len(gap))) {
				name := ""
				if k == 0 {
					name = g.head[i]
				}
				p.line(margin + pad(p.style.paint(bold, name), widest, false) + gap + l)
			}
		}
	}
}

// grid is a table made ready: clean cells, as many a row as the widest row has, and their measures.
type grid struct {
	head   []string
	rows   [][]string
	widths []int
	right  []bool // the column holds numbers
}

func newGrid(t actions.Table) grid {
	n := len(t.Columns)
	for _, r := range t.Rows {
		n = max(n, len(r))
	}
	g := grid{widths: make([]int, n), right: make([]bool, n)}
	if n == 0 {
		return g
	}
	g.head = cells(t.Columns, n)
	for i, h := range g.head {
		g.head[i] = strings.ToUpper(h)
	}
	for _, r := range t.Rows {
		g.rows = append(g.rows, cells(r, n))
	}
	for i := range n {
		g.measure(i)
	}
	return g
}

func (g *grid) measure(column int) {
	numbers, others := 0, 0
	g.widths[column] = Columns(g.head[column])
	for _, r := range g.rows {
		c := r[column]
		g.widths[column] = max(g.widths[column], Columns(c))
		switch {
		case number(c):
			numbers++
		case c != "" && c != "-":
			others++
		}
	}
	g.right[column] = numbers > 0 && others == 0
}

func (g grid) total() int {
	n := len(gap) * (len(g.widths) - 1)
	for _, w := range g.widths {
		n += w
	}
	return n
}

func cells(row []string, n int) []string {
	out := make([]string, n)
	for i, c := range row {
		out[i] = strings.Join(lines(c), " ")
	}
	return out
}

// number tells whether a cell is a number, alone or with a unit behind it: 17, -3, 99.5 %, 12ms, 4 KiB, 1,234.
func number(cell string) bool {
	digits := strings.TrimLeft(cell, "+-")
	rest := strings.TrimLeft(digits, "0123456789.,")
	if rest == digits || strings.Count(digits, ".") > 1 || len(cell)-len(digits) > 1 {
		return false
	}
	unit := strings.TrimPrefix(rest, " ")
	return len(unit) <= 5 && strings.Trim(unit, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%/µ") == ""
}
