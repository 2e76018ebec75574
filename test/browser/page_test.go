package browser

import (
	_ "embed"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"skysail/qos/statuspage"
	"skysail/qos/statuspage/statustest"
)

//go:embed audit.js
var audit string

// TestPages looks at every kind of page in every view: nothing to complain of,
// nothing beside the screen, text that can be read, and all of it by keyboard.
func TestPages(t *testing.T) {
	browser := start(t)
	for _, page := range []struct{ name, fleet, path string }{
		{"overview", "", "/"},
		{"one-up", "", "/deployments/checkout"},
		{"one-degraded", "", "/deployments/search"},
		{"one-unknown", "", "/deployments/mailer"},
		{"one-pods", "", "/deployments/reports"},
		{"one-stuck", "", "/deployments/batch"},
		{"empty", "empty", "/"},
		{"missing", "", "/deployments/nothing"},
		{"hostile", "hostile", "/"},
		{"one-hostile", "hostile", "/deployments/" + url.PathEscape(statustest.Hostile)},
	} {
		for _, v := range views {
			t.Run(page.name+"/"+v.name, func(t *testing.T) {
				s := serve(t, fleetAt(page.fleet))
				b := open(t, browser, s.URL, v, false)
				b.run(chromedp.Navigate(s.URL + page.path))
				b.shot(page.name + "-" + v.name)
				if page.name == "missing" {
					b.forgive() // Chromium tells of the 404 itself
				}
				eval[int](b, audit)
				for _, check := range []string{"wide", "faint", "unnamed", "structure"} {
					for _, f := range eval[[]string](b, "audit.open(), audit."+check+"()") {
						t.Errorf("%s: %s", check, f)
					}
				}
				keyboard(t, b)
			})
		}
	}
}

// keyboard presses Tab until it comes round: everything that can be operated
// must have been reached, each with a focus that is seen.
func keyboard(t *testing.T, b *tab) {
	t.Helper()
	want := eval[int](b, "audit.operable().length")
	eval[chromedp.Void](b, "document.activeElement.blur(), window.scrollTo(0, 0)")
	for range want {
		b.run(chromedp.KeyEvent(kb.Tab))
		if trouble := eval[string](b, "audit.focused()"); trouble != "" {
			t.Errorf("keyboard: %s", trouble)
		}
	}
	for _, m := range eval[[]string](b, "audit.missed()") {
		t.Errorf("the Tab key does not reach %s", m)
	}
	if want == 0 {
		t.Error("nothing can be operated: there is a link to skip to the content at least")
	}
}

// TestWithoutScripts: everything is there, and what is folded can be unfolded
// by keyboard.
func TestWithoutScripts(t *testing.T) {
	browser := start(t)
	s := serve(t, statustestFleet())
	b := open(t, browser, s.URL, views[2], true)
	b.run(chromedp.Navigate(s.URL + "/"))
	headline := get(b, chromedp.Text("#overall"))
	b.run(
		chromedp.Click("#d-search"),
		chromedp.WaitVisible("#i-search-1"),
		chromedp.Focus("#i-search-1-runs > summary"),
		chromedp.KeyEvent(kb.Enter),
		chromedp.WaitVisible("#i-search-1-runs table"),
	)
	state, table := get(b, chromedp.Text(".card.down .state")), get(b, chromedp.Text("#i-search-1-runs table"))
	if headline != "1 of 6 deployments is stuck" || state != "Down" || table == "" {
		t.Errorf("headline %q, state %q, table %q", headline, state, table)
	}
	alert, goal := get(b, chromedp.Text(".told .down")), get(b, chromedp.Text(".objectives li"))
	if !strings.Contains(alert, "page SkysailErrorBudgetBurn since") || !strings.Contains(goal, "99.479 % of 99.9 % over 30d") {
		t.Errorf("alert %q, objective %q", alert, goal)
	}
	b.shot("without-scripts")
}

// TestRenewsInPlace: the script brings what is new and disturbs nobody, and
// says when the monitor does not answer.
func TestRenewsInPlace(t *testing.T) {
	browser := start(t)
	s := serve(t, statustestFleet())
	b := open(t, browser, s.URL, views[0], false)
	const look = `document.dispatchEvent(new Event("visibilitychange"))`
	b.run(
		chromedp.Navigate(s.URL+"/deployments/search"),
		chromedp.WaitVisible("#i-search-1-runs > summary"),
		chromedp.Focus("#i-search-1-runs > summary"),
		chromedp.KeyEvent(kb.Enter),
		chromedp.WaitVisible("#i-search-1-runs table"),
	)
	changed := statustestFleet()
	changed.Ready = func() error { return errNoSpace }
	s.show(changed)
	b.run(chromedp.Evaluate[chromedp.Void](look), chromedp.WaitVisible(".problem"))
	open := eval[bool](b, `document.getElementById("i-search-1-runs").open`)
	focused := eval[string](b, `document.activeElement.tagName + " " + document.activeElement.parentElement.id`)
	if !open || focused != "SUMMARY i-search-1-runs" {
		t.Errorf("open: %v, the focus is at %q", open, focused)
	}
	s.CloseClientConnections()
	s.Close()
	b.run(chromedp.Evaluate[chromedp.Void](look), chromedp.WaitVisible("#refresh"), chromedp.WaitVisible("#i-search-1"))
	if note := get(b, chromedp.Text("#refresh")); note != "The monitor does not answer: what is shown is old." {
		t.Errorf("%q", note)
	}
	b.forgive() // Chromium tells of the refused connection itself
}

var errNoSpace = errors.New("the disk is full")

func statustestFleet() statuspage.Data { return fleetAt("") }
