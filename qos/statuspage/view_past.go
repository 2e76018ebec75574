package statuspage

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"
)

// pastView is the history of an instance as it is shown.
type pastView struct {
	Strip   map[State]string
	Uptime  string // share of checks that passed, or a dash
	Summary string
	Runs    []runView
	Charts  []chartView
	Hours   []hourView
}

// runView is a time in which the state did not change.
type runView struct {
	From, To instant
	State    State
	Passed   string
}

type chartView struct {
	Title, Top, Summary string
	// Figures are what a person looks for: now, mean, most.
	Figures          []figure
	Line, Dots, Band string
	Width            int
}

type figure struct{ Name, Value string }

type hourView struct {
	From                      instant
	Checks, Slow, CPU, Memory string
}

// viewPast shows a past. What was before created is not counted as unknown.
func viewPast(p *past, w window, now, created time.Time) pastView {
	if p == nil {
		p = &past{}
	}
	v := pastView{Strip: stripPaths(&p.checks), Runs: runsOf(&p.checks, w, now)}
	var sum tally
	unknown := 0
	for i, t := range p.checks {
		sum.made, sum.passed = sum.made+t.made, sum.passed+t.passed
		if t.made == 0 && w.from.Add(time.Duration(i+1)*bucket).After(created) {
			unknown++
		}
	}
	v.Uptime = share(sum.passed, sum.made)
	if sum.made == 0 {
		v.Summary = "Nothing was checked in the last 24 hours."
	} else {
		v.Summary = fmt.Sprintf("%s of %.0f checks in the last 24 hours passed", v.Uptime, sum.made)
		if unknown > 0 {
			v.Summary += fmt.Sprintf("; unknown for %s", ago(time.Duration(unknown)*bucket))
		}
		v.Summary += "."
	}
	if p.slow == nil {
		return v
	}
	v.Charts = chartsOf(p)
	v.Hours = hoursOf(p, w, now)
	return v
}

func runsOf(checks *[buckets]tally, w window, now time.Time) []runView {
	var out []runView
	for i := 0; i < buckets; {
		sum, end := checks[i], i+1
		for end < buckets && checks[end].state() == checks[i].state() {
			sum.made, sum.passed = sum.made+checks[end].made, sum.passed+checks[end].passed
			end++
		}
		to := w.from.Add(time.Duration(end) * bucket)
		if to.After(now) {
			to = now
		}
		r := runView{From: instant{w.from.Add(time.Duration(i) * bucket)}, To: instant{to}, State: checks[i].state(), Passed: "–"}
		if sum.made > 0 {
			r.Passed = fmt.Sprintf("%.0f of %.0f", sum.passed, sum.made)
		}
		out = append([]runView{r}, out...) // the newest first
		i = end
	}
	return out
}

func chartsOf(p *past) []chartView {
	var out []chartView
	add := func(title string, l, low, high line, top func(most float64) float64, format func(float64) string) {
		if l.known() {
			out = append(out, chartOf(title, l, low, high, top, format))
		}
	}
	whole := func(float64) float64 { return 1 }
	add("Response time", p.slow, p.slowLow, p.slowHigh, roundTop, seconds)
	add("CPU", p.cpu, nil, nil, whole, percent)
	add("CPU", p.cores, nil, nil, roundTop, cores)
	add("Memory", p.memory, nil, nil, whole, percent)
	add("Memory", p.bytes, nil, nil, roundSize, size)
	return out
}

// chartOf makes a chart that is as high as height says of its greatest value.
func chartOf(title string, l, low, high line, height func(most float64) float64, format func(float64) string) chartView {
	most, sum, n, last := math.Inf(-1), 0.0, 0, 0.0
	for i, v := range l {
		if math.IsNaN(v) {
			continue
		}
		sum, n, last = sum+v, n+1, v
		if high != nil {
			v = high[i]
		}
		most = max(most, v)
	}
	top := height(most)
	c := chartView{
		Title: title, Top: format(top), Width: len(l),
		Figures: []figure{{"last", format(last)}, {"mean", format(sum / float64(n))}, {"most", format(most)}},
	}
	c.Line, c.Dots = linePath(l, top)
	if low != nil {
		c.Band = bandPath(low, high, top)
	}
	parts := make([]string, len(c.Figures))
	for i, f := range c.Figures {
		parts[i] = f.Name + " " + f.Value
	}
	c.Summary = title + " over the last 24 hours: " + strings.Join(parts, ", ") + "."
	return c
}

func hoursOf(p *past, w window, now time.Time) []hourView {
	var out []hourView
	perHour := int(time.Hour / p.step)
	for h := 23; h >= 0; h-- {
		v := hourView{From: instant{w.from.Add(time.Duration(h) * time.Hour)}}
		if v.From.After(now) {
			continue
		}
		var sum tally
		for _, t := range p.checks[h*int(time.Hour/bucket) : (h+1)*int(time.Hour/bucket)] {
			sum.made, sum.passed = sum.made+t.made, sum.passed+t.passed
		}
		v.Checks = "–"
		if sum.made > 0 {
			v.Checks = fmt.Sprintf("%.0f of %.0f", sum.passed, sum.made)
		}
		mean := func(format func(float64) string, lines ...line) string {
			for _, l := range lines {
				total, n := 0.0, 0
				for _, x := range l[min(h*perHour, len(l)):min((h+1)*perHour, len(l))] {
					if !math.IsNaN(x) {
						total, n = total+x, n+1
					}
				}
				if n > 0 {
					return format(total / float64(n))
				}
			}
			return "–"
		}
		v.Slow = mean(seconds, p.slow)
		if v.CPU = mean(percent, p.cpu); v.CPU == "–" {
			v.CPU = mean(cores, p.cores)
		}
		if v.Memory = mean(percent, p.memory); v.Memory == "–" {
			v.Memory = mean(size, p.bytes)
		}
		if v.Checks != "–" || v.Slow != "–" || v.CPU != "–" || v.Memory != "–" {
			out = append(out, v)
		}
	}
	return out
}

// functions are what templates call.
var functions = template.FuncMap{
	"states": func() []State { return []State{Up, Degraded, Down, Unknown} },
	"bars":   func() []State { return []State{track, Up, Degraded, Down, Unknown} },
	"bar":    func(p pastView, s State) string { return p.Strip[s] },
}
