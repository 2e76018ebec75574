package review

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// hoursPerMonth is how the clouds count a month.
const hoursPerMonth = 730

// doc is Markdown under way.
type doc struct{ b strings.Builder }

func (d *doc) line(format string, args ...any) { fmt.Fprintf(&d.b, format+"\n", args...) }

func (d *doc) table(head string, rows [][]string) {
	d.line("| %s |", strings.ReplaceAll(head, ",", " | "))
	d.line("|%s", strings.Repeat("---|", strings.Count(head, ",")+1))
	for _, r := range rows {
		d.line("| %s |", strings.Join(r, " | "))
	}
	d.line("")
}

// plain is a text of others in Markdown: it formats nothing and ends no table.
func plain(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.NewReplacer(
		"\\", "\\\\", "|", "\\|", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]",
		"<", "&lt;", ">", "&gt;", "&", "&amp;", "#", "\\#", "~", "\\~", "@", "&#64;",
	).Replace(s)
}

// code is a text as code, in a table or out of it.
func code(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + strings.ReplaceAll(s, "|", "\\|") + fence
}

// short cuts a text at n characters.
func short(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

func usd(f float64) string { return fmt.Sprintf("$%.4g", f) }

// asOf is the date of a price and its age at the time of the plan.
func (m *Manifest) asOf(e *Entry) string {
	day := e.Candidate.AsOf()
	if day == "" {
		return "–"
	}
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	n := int(m.CreatedAt.Truncate(24*time.Hour).Sub(t).Hours() / 24)
	if n == 1 {
		return day + " (1 day old)"
	}
	return fmt.Sprintf("%s (%d days old)", day, n)
}

func (m *Manifest) price(e *Entry) string {
	if e.Candidate.TotalUSD == 0 {
		return "nothing"
	}
	return usd(e.Candidate.TotalUSD)
}

// where names a candidate's place: "vultr ewr vc2-1c-1gb (spot)".
func (e *Entry) where() string {
	o := e.Candidate.Offer
	s := o.Provider + " " + o.Region + " " + o.Type
	if e.Candidate.Spot {
		s += " (spot)"
	}
	return s
}

// state says in a few words whether a candidate is applied.
func (e *Entry) state() string {
	switch {
	case e.Problem != "":
		return "not planned"
	case e.Refusal() != "":
		return "denied"
	case e.Verdict != nil && len(e.Verdict.Warn) > 0:
		return fmt.Sprintf("%d warning(s)", len(e.Verdict.Warn))
	default:
		return "yes"
	}
}

func (m *Manifest) what() string {
	s := &m.Service
	switch {
	case s.Source.Container != nil:
		return "container " + s.Source.Container.Image
	case s.Source.Native != nil:
		return fmt.Sprintf("%s of %s, SHA-256 %s", s.Source.Native.Binary, s.Source.Native.URL, s.Source.Native.SHA256)
	default:
		return ""
	}
}

// ssh says who may open SSH connections, and since when that is fixed.
func (m *Manifest) ssh() string {
	list := strings.Join(m.SSHFrom, ", ")
	switch {
	case list == "":
		return "nobody"
	case len(m.Policy.Access.SSHFrom) > 0:
		return list + " (access.ssh_from)" + m.way()
	default:
		return list + " (the machine that planned; the policy has no access.ssh_from)"
	}
}

// way says what SSH connections go through.
func (m *Manifest) way() string {
	var through []string
	if proxy := m.Policy.Access.SOCKS5; proxy != "" {
		through = append(through, "the SOCKS5 proxy "+proxy)
	}
	for _, j := range m.Policy.Access.Jumps {
		through = append(through, j.User+"@"+j.Addr)
	}
	if len(through) == 0 {
		return ""
	}
	return ", through " + strings.Join(through, ", ")
}

func none(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
