package live

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// Styles; a terminal without colours shows them plain.
var (
	faint = lipgloss.NewStyle().Faint(true)
	good  = lipgloss.NewStyle().Foreground(lipgloss.Green)
	bad   = lipgloss.NewStyle().Foreground(lipgloss.Red)
	bold  = lipgloss.NewStyle().Bold(true)
)

// shownNext is how many candidates that were not tried yet are listed.
const shownNext = 2

// Picture is the board as lines that fit: none is wider than width, and there
// are at most height of them.
func (b *Board) Picture(width, height int, now time.Time) string {
	if width <= 0 {
		width = 80
	}
	if height <= 0 {
		height = 24
	}
	var lines []string
	switch {
	case b.many:
		lines = b.table(width, height-1, now)
	case len(b.rows) > 0:
		lines = b.rows[0].picture(width, height-1, now)
	}
	for i, l := range lines {
		lines[i] = ansi.Truncate(l, width, "…")
	}
	return strings.Join(lines, "\n")
}

func mark(s State) string {
	switch s {
	case Running:
		return bold.Render("→")
	case Done:
		return good.Render("✓")
	case Failed:
		return bad.Render("✗")
	default:
		return faint.Render("·")
	}
}

// narrow is the width below which columns are left out.
const narrow = 70

// picture is one deployment in full. With little room what runs now stays.
func (r *row) picture(width, height int, now time.Time) []string {
	tried, next := r.candidateLines(width, now)
	var body []string
	for _, x := range r.resources {
		body = append(body, x.line(now))
	}
	foot := bold.Render(r.phase) + " " + seconds(now.Sub(r.phaseSince))
	if !r.begun.IsZero() {
		foot += faint.Render(" of " + seconds(now.Sub(r.begun)))
	}
	if r.price > 0 {
		foot += "  " + spent(r.cost(now))
		if width >= narrow {
			foot += faint.Render(fmt.Sprintf(" at $%.4g an hour", r.price))
		}
	}
	room := max(height-1, 0)
	body = tail(body, max(room-len(tried), room/2))
	tried = tail(tried, room-len(body))
	next = next[:min(len(next), max(room-len(body)-len(tried), 0))]
	return slices.Concat(tried, next, body, []string{foot})
}

// tail is the last n lines.
func tail(lines []string, n int) []string { return lines[len(lines)-min(max(n, 0), len(lines)):] }

// candidateLines are those tried, in the order of trying, and those that are
// next.
func (r *row) candidateLines(width int, now time.Time) (before, after []string) {
	tried := slices.DeleteFunc(slices.Clone(r.candidates), func(c candidate) bool { return c.state == Waiting })
	slices.SortStableFunc(tried, func(a, b candidate) int { return a.since.Compare(b.since) })
	for _, c := range tried {
		before = append(before, c.line(width, now))
	}
	for _, c := range r.candidates {
		if c.state == Waiting && len(after) < shownNext {
			after = append(after, c.line(width, now))
		}
	}
	if rest := r.total - len(before) - len(after); rest > 0 {
		after = append(after, faint.Render(fmt.Sprintf("  and %d more", rest)))
	}
	return before, after
}

func (c candidate) line(width int, now time.Time) string {
	where := strings.TrimSpace(c.Provider + " " + cmp.Or(c.Zone, c.Region))
	kind := c.Type
	if c.Spot {
		kind += " (spot)"
	}
	line := fmt.Sprintf("%s %-26s %-18s", mark(c.state), where, kind)
	if width < narrow {
		line = fmt.Sprintf("%s %-18s", mark(c.state), where)
	}
	switch c.state {
	case Waiting:
		return line + faint.Render(fmt.Sprintf(" next, $%.4g an hour", c.PriceUSD))
	case Running:
		return line + " " + seconds(now.Sub(c.since))
	default:
		return line + " " + strings.TrimSpace(seconds(c.ended.Sub(c.since))+" "+c.note)
	}
}

func (x resource) line(now time.Time) string {
	took := time.Duration(x.seconds * float64(time.Second))
	if x.state == Running {
		took = now.Sub(x.since)
	}
	// The module's name says nothing: there is one.
	return fmt.Sprintf("  %s %5s %-7s %s", mark(x.state), seconds(took), x.action, strings.TrimPrefix(x.address, "module.service."))
}

// spent is an estimate, so not in more digits than it is good for.
func spent(usd float64) string {
	if usd < 0.0001 {
		return "spent less than $0.0001"
	}
	return fmt.Sprintf("spent about $%.4f", usd)
}

func seconds(d time.Duration) string { return max(d, 0).Round(time.Second).String() }

// table is one line for each of many, those that run first when there is not
// room for all.
func (b *Board) table(width, height int, now time.Time) []string {
	rows := slices.Clone(b.rows)
	count := map[State]int{}
	total := 0.0
	for _, r := range rows {
		count[r.state]++
		total += r.cost(now)
	}
	room := max(height-2, 1)
	hidden := 0
	if len(rows) > room {
		rank := map[State]int{Running: 0, Failed: 1, Waiting: 2, Done: 3}
		slices.SortStableFunc(rows, func(a, b *row) int { return rank[a.state] - rank[b.state] })
		hidden = len(rows) - room
		rows = rows[:room]
	}
	name := 4
	for _, r := range rows {
		name = max(name, min(len(r.name), max(width/4, 8)))
	}
	out := []string{faint.Render(tableLine(width, name, "  ", "NAME", "WHERE", "PHASE", "TIME", "LAST EVENT"))}
	for _, r := range rows {
		out = append(out, r.tableLine(width, name, now))
	}
	foot := fmt.Sprintf("%d run, %d wait, %d done, %d failed", count[Running], count[Waiting], count[Done], count[Failed])
	if total > 0 {
		foot += "; " + spent(total)
	}
	if hidden > 0 {
		foot += fmt.Sprintf("; %d not shown", hidden)
	}
	return append(out, bold.Render(foot))
}

func (r *row) tableLine(width, name int, now time.Time) string {
	took, phase := "", r.phase
	switch {
	case r.state == Waiting:
		phase = "waiting"
	case !r.ended.IsZero():
		took = seconds(r.ended.Sub(r.begun))
	case !r.begun.IsZero():
		took = seconds(now.Sub(r.begun))
	}
	where := strings.TrimSpace(r.provider + " " + r.region)
	return tableLine(width, name, mark(r.state)+" ", r.name, where, phase, took, faint.Render(r.last))
}

// tableLine aligns a line of the table; on a narrow terminal the columns are
// narrower, and the last event is left out.
func tableLine(width, nameWidth int, mark, name, where, phase, took, last string) string {
	cut := func(s string, w int) string { return ansi.Truncate(s, w, "…") }
	if width < narrow {
		return fmt.Sprintf("%s%-*s %-18s %-10s %6s", mark, nameWidth, cut(name, nameWidth), cut(where, 18), cut(phase, 10), took)
	}
	return strings.TrimRight(fmt.Sprintf("%s%-*s  %-22s %-14s %6s  %s", mark, nameWidth, cut(name, nameWidth), cut(where, 22), cut(phase, 14), took, last), " ")
}
