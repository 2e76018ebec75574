package review

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// maxComment is the most characters of a comment: GitHub takes 65,536, and
// whoever posts it adds some.
const maxComment = 60000

// Comment is a summary in Markdown for a pull request: what happens on top, all
// else folded, and shorter than maxComment whatever the plan is. maxAge is how
// long an apply takes the plan.
func (m *Manifest) Comment(maxAge time.Duration) []byte {
	d := &doc{}
	mark := ""
	if m.Sandbox {
		mark = " [sandbox]"
	}
	d.line("### skysail plan: %s%s", plain(m.Name), mark)
	d.line("")
	approved := m.Approved()
	if len(approved) == 0 {
		d.line("**Nothing may be applied.** %d candidate(s), each with a reason below.", len(m.Candidates))
	} else {
		e := &approved[0]
		d.line("%s on **%s**, %s.", counted(e.Changes), plain(e.where()), m.cost(e))
		if n := len(approved) - 1; n > 0 {
			d.line("If that fails, %d more; at most **%s an hour**.", n, usd(m.MaxUSD()))
		}
	}
	if n := len(m.Candidates) - len(approved); n > 0 && len(approved) > 0 {
		d.line("%d candidate(s) may not be applied.", n)
	}
	d.line("")
	m.warnings(d)
	if len(approved) > 0 {
		d.line("Hash %s, planned %s, to be applied by %s.", code(m.Hash), m.CreatedAt.Format(time.RFC3339), m.CreatedAt.Add(maxAge).Format(time.RFC3339))
		d.line("")
	}
	m.folded(d, approved)
	return []byte(d.b.String())
}

func (m *Manifest) cost(e *Entry) string {
	if e.Candidate.TotalUSD == 0 {
		return "free"
	}
	return fmt.Sprintf("**%s an hour** (about %s a month; price of %s)", usd(e.Candidate.TotalUSD), usd(e.Candidate.TotalUSD*hoursPerMonth), m.asOf(e))
}

// counted is "create 7, update 1".
func counted(list []Change) string {
	n := map[string]int{}
	for _, c := range list {
		n[c.Action]++
	}
	var out []string
	for _, action := range []string{"create", "update", "replace", "delete"} {
		if n[action] > 0 {
			out = append(out, fmt.Sprintf("%s %d", action, n[action]))
		}
	}
	if len(out) == 0 {
		return "No changes"
	}
	s := strings.Join(out, ", ")
	return strings.ToUpper(s[:1]) + s[1:]
}

func (m *Manifest) warnings(d *doc) {
	const most = 20
	n := 0
	for i := range m.Candidates {
		e := &m.Candidates[i]
		var list []string
		if why := e.Refusal(); why != "" {
			list = append(list, "not applied: "+why)
		}
		if e.Verdict != nil {
			list = append(list, e.Verdict.Warn...)
		}
		for _, x := range list {
			if n++; n <= most {
				d.line("- %d. %s: %s", e.N, plain(e.where()), plain(short(x, 400)))
			}
		}
	}
	if n > most {
		d.line("- and %d more", n-most)
	}
	if n > 0 {
		d.line("")
	}
}

// folded adds the details, each only while there is room.
func (m *Manifest) folded(d *doc, approved []Entry) {
	left := 0
	add := func(title string, fill func(*doc)) {
		s := &doc{}
		s.line("<details><summary>%s</summary>", title)
		s.line("")
		fill(s)
		s.line("</details>")
		s.line("")
		if utf8.RuneCountInString(d.b.String())+utf8.RuneCountInString(s.b.String()) > maxComment-200 {
			left++
			return
		}
		d.b.WriteString(s.b.String())
	}
	const rows = 60
	add(fmt.Sprintf("Candidates (%d of %d that fit)", len(m.Candidates), m.Fitting), func(s *doc) {
		s.table("#,where,$ an hour,price as of,may be applied", m.candidateRows(rows))
		if n := len(m.Candidates) - rows; n > 0 {
			s.line("and %d more", n)
		}
	})
	if len(approved) > 0 {
		e := &approved[0]
		add(fmt.Sprintf("Changes on %s (%d)", plain(e.where()), len(e.Changes)), func(s *doc) { changes(s, e, rows) })
		add(fmt.Sprintf("Open ports (%d)", len(e.Openings)), func(s *doc) {
			openings(s, e)
			s.line("SSH from %s.", plain(m.ssh()))
			s.line("")
		})
	}
	if len(m.Refused) > 0 {
		add(fmt.Sprintf("Refused by the selection (%d)", len(m.Refused)), func(s *doc) {
			s.table("provider,offers,reason", m.refusalRows(rows))
		})
	}
	if left > 0 {
		d.line("%d part(s) are too long for a comment; %s has them.", left, code(PlanFile))
	}
}
