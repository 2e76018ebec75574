package review

import (
	"fmt"
	"sort"
	"strings"
)

// PlanMD is PLAN.md: all that a reviewer decides on. It has neither the time
// of the plan nor its hash, so that the same input gives the same bytes on a
// day.
func (m *Manifest) PlanMD() []byte {
	d := &doc{}
	d.line("# Plan for %s", plain(m.Name))
	d.line("")
	if m.Sandbox {
		d.line("Simulated clouds (sandbox): nothing of this costs money.")
		d.line("")
	}
	m.head(d)
	m.order(d)
	for i := range m.Candidates {
		m.candidate(d, &m.Candidates[i])
	}
	m.refusals(d)
	m.howTo(d)
	return []byte(d.b.String())
}

func (m *Manifest) head(d *doc) {
	s, p := &m.Service, &m.Policy
	approved := m.Approved()
	rows := [][]string{
		{"deployment", code(m.ID)},
		{"runs", plain(m.what())},
		{"instances", m.instances()},
		{"needs", fmt.Sprintf("%g vCPU, %g GiB memory, %g GiB disk%s", s.Resources.CPU, s.Resources.MemoryGB, s.Resources.StorageGB, m.gpu())},
		{"variables", plain(none(names(s.Env)))},
		{"secrets", plain(none(s.Secrets)) + " (names; the values come from the environment of `skysail apply`)"},
		{"SSH from", plain(m.ssh())},
	}
	if len(approved) > 0 && m.MaxUSD() > 0 {
		first := &approved[0]
		rows = append(rows,
			[]string{"price", fmt.Sprintf("%s an hour, about %s a month", m.price(first), usd(first.Candidate.TotalUSD*hoursPerMonth))},
			[]string{"at most", fmt.Sprintf("%s an hour, with the dearest of the %d approved candidates", usd(m.MaxUSD()), len(approved))})
	}
	if p.Limits.MaxHourlyUSD > 0 {
		rows = append(rows, []string{"cap", usd(p.Limits.MaxHourlyUSD) + " an hour (limits.max_hourly_usd)"})
	}
	ttl := "until it is destroyed"
	if p.Limits.TTL > 0 {
		ttl = "for " + p.Limits.TTL.String() + " (limits.ttl)"
	}
	rows = append(rows, []string{"lives", ttl})
	d.table(" , ", rows)
}

func (m *Manifest) instances() string {
	if s := &m.Service; s.Ranged() {
		return fmt.Sprintf("%d to %d, by their use of CPU", s.Instances, s.MaxInstances)
	}
	return fmt.Sprint(m.Service.Instances)
}

func (m *Manifest) gpu() string {
	g := m.Service.Resources.GPU
	if g == nil {
		return ""
	}
	return strings.TrimRight(fmt.Sprintf(", %d GPU %s", g.Count, plain(g.Model)), " ")
}

func names(env map[string]string) []string {
	var out []string
	for k := range env {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

func (m *Manifest) order(d *doc) {
	d.line("## Order")
	d.line("")
	d.line("Rule %s: %s. %d of %d candidates that fit are planned here; when one fails, what", code(string(m.Rule)), plain(m.Why), len(m.Candidates), m.Fitting)
	d.line("it made is removed before the next is tried, and no other is. At most %d attempts", m.Policy.Failover.MaxAttempts)
	d.line("(failover.max_attempts).")
	d.line("")
	d.table("#,where,$ an hour,price as of,may be applied", m.candidateRows(len(m.Candidates)))
}

func (m *Manifest) candidateRows(most int) [][]string {
	var rows [][]string
	for i := range m.Candidates[:min(most, len(m.Candidates))] {
		e := &m.Candidates[i]
		rows = append(rows, []string{fmt.Sprint(e.N), plain(e.where()), m.price(e), m.asOf(e), e.state()})
	}
	return rows
}

func (m *Manifest) candidate(d *doc, e *Entry) {
	d.line("## %d. %s", e.N, plain(e.where()))
	d.line("")
	if why := e.Refusal(); why != "" {
		d.line("**It is not applied**: %s.", plain(strings.TrimRight(why, ".")))
		d.line("")
	}
	for _, r := range e.Candidate.Reasons() {
		d.line("- %s", plain(r))
	}
	if p := priceParts(e); p != "" {
		d.line("- price of one instance: %s; from %s", plain(p), plain(e.Candidate.Offer.Source))
	}
	d.line("- Terraform: %s", code(e.BundlePath("")))
	if e.Problem == "" {
		d.line("- plan: %s", code(CandidatesDir+"/"+e.Folder+"/"+PlanJSONFile))
	}
	d.line("")
	if e.Problem != "" {
		return
	}
	m.guardrails(d, e)
	openings(d, e)
	changes(d, e, len(e.Changes))
}

func priceParts(e *Entry) string {
	p := e.Candidate.Price()
	if e.Candidate.PriceUSD == 0 {
		return ""
	}
	parts := []string{"type " + usd(p.InstanceUSD)}
	for _, x := range []struct {
		name string
		usd  float64
	}{
		{fmt.Sprintf("boot disk of %d GiB", p.BootDiskGB), p.BootDiskUSD},
		{fmt.Sprintf("data disk of %d GiB", p.DataDiskGB), p.DataDiskUSD},
		{"address", p.AddressUSD},
	} {
		if x.usd > 0 {
			parts = append(parts, x.name+" "+usd(x.usd))
		}
	}
	if p.DisksUnpriced {
		parts = append(parts, "disks at a price that is not known")
	}
	return strings.Join(parts, ", ")
}

func (m *Manifest) guardrails(d *doc, e *Entry) {
	if e.Verdict == nil {
		return
	}
	if len(e.Verdict.Deny)+len(e.Verdict.Warn) == 0 {
		d.line("Guardrails: nothing to say.")
		d.line("")
		return
	}
	for _, x := range e.Verdict.Deny {
		d.line("- deny: %s", plain(x))
	}
	for _, x := range e.Verdict.Warn {
		d.line("- warn: %s", plain(x))
	}
	d.line("")
}

func openings(d *doc, e *Entry) {
	if len(e.Openings) == 0 {
		d.line("No firewall rule of this plan opens a port.")
		d.line("")
		return
	}
	var rows [][]string
	for _, o := range e.Openings {
		rows = append(rows, []string{plain(o.Port), plain(strings.Join(o.From, ", "))})
	}
	d.table("open port,to", rows)
}

func changes(d *doc, e *Entry, most int) {
	var rows [][]string
	for _, c := range e.Changes[:min(most, len(e.Changes))] {
		rows = append(rows, []string{c.Action, code(c.Address)})
	}
	if n := len(e.Changes) - len(rows); n > 0 {
		rows = append(rows, []string{"", fmt.Sprintf("and %d more", n)})
	}
	d.table("action,resource", rows)
}

func (m *Manifest) refusals(d *doc) {
	if len(m.Refused) == 0 {
		return
	}
	d.line("## Refused by the selection")
	d.line("")
	d.table("provider,offers,reason", m.refusalRows(len(m.Refused)))
}

func (m *Manifest) refusalRows(most int) [][]string {
	var rows [][]string
	for _, r := range m.Refused[:min(most, len(m.Refused))] {
		rows = append(rows, []string{plain(r.Provider), fmt.Sprint(r.Count), plain(short(r.Reason, 300))})
	}
	return rows
}

func (m *Manifest) howTo(d *doc) {
	d.line("## Apply")
	d.line("")
	d.line("```")
	d.line("skysail show DIR     # checks every file, prints the hash to approve")
	d.line("skysail apply DIR --hash HASH")
	d.line("```")
	d.line("")
	d.line("An apply takes exactly these plans, once, and fails over only among them. It refuses")
	d.line("the folder when one byte of it was changed, when something was added, when it is too")
	d.line("old, and when it was used before.")
}
