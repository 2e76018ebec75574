package statuspage_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"skysail/qos/statuspage"
	"skysail/qos/statuspage/statustest"
	"skysail/store"
)

var noon = time.Date(2026, 11, 30, 12, 7, 0, 0, time.UTC)

func ask(t *testing.T, h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func page(t *testing.T, data statuspage.Data, path string) (string, *html.Node) {
	t.Helper()
	res := ask(t, statuspage.New(data).Handler(), http.MethodGet, path)
	if res.Code != http.StatusOK {
		t.Fatalf("%s: %d", path, res.Code)
	}
	body := res.Body.String()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return body, doc
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func all(doc *html.Node, tag, class string) []*html.Node {
	var out []*html.Node
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == tag && (class == "" || slices.Contains(strings.Fields(attr(n, "class")), class)) {
			out = append(out, n)
		}
	}
	return out
}

// TestOverview: what needs a look stands first, each state and reason in words.
func TestOverview(t *testing.T) {
	_, doc := page(t, statustest.Fleet(time.Now()), "/")
	var cards []string
	for _, c := range all(doc, "section", "card") {
		cards = append(cards, text(c))
	}
	for i, want := range []string{
		"batch stuck Unknown Phase stuck Provider vultr Region ams Type vc2-2c-4gb Instances 0 Last reading none yet the instance 4f2a could not",
		"search Degraded Phase running Provider gcp Region europe-west4",
		"mailer maintenance Unknown", "checkout Up", "hello sandbox Up", "reports Up",
	} {
		if i >= len(cards) || !strings.HasPrefix(cards[i], want) {
			t.Errorf("card %d does not begin with %q: %q", i, want, cards)
		}
	}
	if len(cards) != 6 {
		t.Fatalf("%d cards", len(cards))
	}
	for i, want := range map[int]string{
		1: `http: the status is 503, wanted 200-299: the body begins with "no shard is assigned"`,
		2: "ssh stale, read 12 min ago",
		3: "cloud read 41 s ago",
	} {
		if !strings.Contains(cards[i], want) {
			t.Errorf("%q is not in %q", want, cards[i])
		}
	}
	if got := text(all(doc, "section", "banner")[0]); got != "1 of 6 deployments is stuck Deployments: 1 degraded, 2 unknown, 3 up. Alerts that fire: 2 pages, 1 ticket. Objectives: 3 of 5 met, 1 missed, 1 not read. In maintenance: 1." {
		t.Errorf("banner: %q", got)
	}
	if n := len(all(doc, "svg", "strip")); n != 7 {
		t.Errorf("%d strips for 7 instances", n)
	}
}

// TestWatch: what fires, since when, what is left of the budgets, and what is in
// maintenance, on both kinds of page.
func TestWatch(t *testing.T) {
	fleet := statustest.Fleet(noon)
	for _, c := range []struct {
		path, list string
		want       []string
	}{
		{"/deployments/search", "Alerts that fire", []string{
			"page SkysailErrorBudgetBurn since 2026-11-30 11:29 , for 38 min , with 1 slower burn rate: availability burns its error budget at 320.0 times the allowed rate",
			"page SkysailInstanceDown since 2026-11-30 11:28 , for 39 min : instance search-1 is down: the status is 503",
		}},
		{"/deployments/search", "Objectives", []string{"availability 99.479 % of 99.9 % over 30d missed: 5.21 times its error budget is used (171900 of 172800 readings were good)"}},
		{"/deployments/checkout", "Objectives", []string{
			"availability 99.983 % of 99.9 % over 30d 83 % of its error budget is left", "latency within 300ms 99.178 % of 99 % over 30d 17 % of its error budget is left",
		}},
		{"/deployments/hello", "Objectives", []string{"availability – of 99.9 % over 30d nothing was read yet"}},
		{"/deployments/mailer", "Maintenance", []string{
			"In maintenance since 2026-11-30 11:07 until 2026-11-30 12:37 : move of the database", "In maintenance since 2026-11-30 12:06 : updating in progress",
		}},
		{"/", "Maintenance", []string{"In maintenance since 2026-11-30 11:07 until", "In maintenance since"}},
	} {
		s := statuspage.New(fleet)
		statuspage.SetNow(s, func() time.Time { return noon })
		doc, err := html.Parse(ask(t, s.Handler(), http.MethodGet, c.path).Body)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, ul := range all(doc, "ul", "") {
			if attr(ul, "aria-label") == c.list {
				for _, li := range all(ul, "li", "") {
					got = append(got, text(li))
				}
			}
		}
		if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%s, %s: %q", c.path, c.list, got)
		}
	}
}

// TestAlertIsNotUp: a fleet that answers and has an alert that wakes people is
// not said to be well.
func TestAlertIsNotUp(t *testing.T) {
	fleet := statustest.Fleet(noon)
	rows, err := fleet.Deployments(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkout := rows[0]
	checkout.Alerts = rows[1].Alerts
	fleet.Deployments = func(context.Context) ([]statuspage.Deployment, error) {
		return []statuspage.Deployment{checkout}, nil
	}
	_, doc := page(t, fleet, "/")
	b := all(doc, "section", "banner")[0]
	if got := text(b); !strings.HasPrefix(got, "checkout is up and has an alert ") || !strings.Contains(attr(b, "class"), "degraded") {
		t.Errorf("%q of class %q", got, attr(b, "class"))
	}
}

// TestUnknownIsNotDown: of an instance that nothing was read of, no bar and no
// word says that it is down.
func TestUnknownIsNotDown(t *testing.T) {
	data := statustest.Fleet(noon)
	data.History = func(context.Context, store.SampleQuery) (store.SampleRange, error) { return store.SampleRange{}, nil }
	data.Latest = statustest.Empty(noon).Latest
	data.Sources = statustest.Empty(noon).Sources
	_, doc := page(t, data, "/deployments/search")
	if s := all(doc, "span", "down"); len(s) != 0 {
		t.Errorf("it is said to be down: %s", text(s[0]))
	}
	for _, svg := range all(doc, "svg", "strip") {
		for _, p := range all(svg, "path", "") {
			if attr(p, "class") != "unknown" {
				t.Errorf("a bar of class %q", attr(p, "class"))
			}
		}
	}
	if got := text(doc); !strings.Contains(got, "Nothing was checked in the last 24 hours") || !strings.Contains(got, "nothing was read of it since this monitor began") {
		t.Errorf("%q", got)
	}
}

// TestHostile: what comes from a deployment is text, wherever it stands.
func TestHostile(t *testing.T) {
	for _, path := range []string{"/", "/deployments/" + url.PathEscape(statustest.Hostile)} {
		body, doc := page(t, statustest.HostileFleet(time.Now()), path)
		for n := range doc.Descendants() {
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "style") {
					t.Errorf("%s: an attribute %s", path, a.Key)
				}
			}
		}
		if s := all(doc, "script", ""); len(s) != 1 || attr(s[0], "src") == "" || len(all(doc, "img", "")) != 0 {
			t.Errorf("%s: scripts %d, images %d", path, len(s), len(all(doc, "img", "")))
		}
		if strings.ContainsAny(body, "\u202e\x1b") {
			t.Errorf("%s: characters that nobody sees", path)
		}
		if !strings.Contains(text(doc), `"><script>alert(1)</script>`) {
			t.Errorf("%s: the words themselves are not there", path)
		}
	}
}

// TestStructure: landmarks, names for what is drawn, tables with captions,
// links that lead somewhere and identifiers that are there once.
func TestStructure(t *testing.T) {
	for _, data := range []statuspage.Data{statustest.Fleet(time.Now()), statustest.HostileFleet(time.Now()), statustest.Empty(time.Now())} {
		body, doc := page(t, data, "/")
		for _, a := range all(doc, "a", "") {
			if href := attr(a, "href"); strings.HasPrefix(href, "/deployments/") {
				page(t, data, href)
			}
		}
		for _, one := range []string{"h1", "main", "header", "footer", "title"} {
			if n := len(all(doc, one, "")); n != 1 {
				t.Errorf("%d <%s>", n, one)
			}
		}
		seen := map[string]bool{}
		for n := range doc.Descendants() {
			id := attr(n, "id")
			if id != "" && seen[id] {
				t.Errorf("the id %q is there twice", id)
			}
			seen[id] = true
			if n.Data == "svg" && attr(n, "aria-hidden") == "" && (attr(n, "role") != "img" || attr(n, "aria-label") == "") {
				t.Errorf("a drawing without a name: %s", attr(n, "class"))
			}
			if n.Data == "time" {
				if _, err := time.Parse(time.RFC3339, attr(n, "datetime")); err != nil {
					t.Error(err)
				}
			}
		}
		if m := regexp.MustCompile(`(?:src|href)="(https?:)?//`).FindString(body); m != "" {
			t.Errorf("something is loaded from elsewhere: %s", m)
		}
	}
}

// TestOneDeployment has the charts, and what they show as tables.
func TestOneDeployment(t *testing.T) {
	_, doc := page(t, statustest.Fleet(time.Now()), "/deployments/search")
	var titles []string
	for _, c := range all(doc, "span", "title") {
		titles = append(titles, text(c))
	}
	if got := strings.Join(titles, " "); got != "Response time CPU Memory Response time CPU Memory" {
		t.Errorf("charts: %s", got)
	}
	tables := all(doc, "table", "")
	if len(tables) != 6 {
		t.Fatalf("%d tables", len(tables))
	}
	if got := text(tables[3]); !strings.Contains(got, "States of search-1 over the last 24 hours, newest first") || !strings.Contains(got, "Down 0 of") {
		t.Errorf("%q", got)
	}
	for _, table := range tables {
		if len(all(table, "caption", "")) != 1 {
			t.Error("a table without a caption")
		}
		for _, th := range all(table, "th", "") {
			if attr(th, "scope") == "" {
				t.Error("a th without scope")
			}
		}
	}
}

// TestHandler: who may ask what, and what is said to browsers.
func TestHandler(t *testing.T) {
	h := statuspage.New(statustest.Fleet(time.Now())).Handler()
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/", 200},
		{"HEAD", "/", 200},
		{"POST", "/", 405},
		{"GET", "/deployments/hello", 200},
		{"GET", "/deployments/nobody", 404},
		{"DELETE", "/deployments/hello", 405},
		{"GET", "/elsewhere", 404},
		{"GET", "/assets/status.css", 404},
	} {
		res := ask(t, h, c.method, c.path)
		if res.Code != c.want {
			t.Errorf("%s %s: %d", c.method, c.path, res.Code)
		}
		csp := res.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; style-src 'self';") || strings.Contains(csp, "unsafe") || res.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: %v", c.method, c.path, res.Header())
		}
		if c.method == "HEAD" && res.Body.Len() > 0 {
			t.Errorf("HEAD has a body of %d bytes", res.Body.Len())
		}
	}
	plain := ask(t, h, "GET", "/").Body.String()
	res := ask(t, h, "GET", "/", "Accept-Encoding", "br, gzip;q=0.5")
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if unpacked, err := io.ReadAll(z); err != nil || string(unpacked) != plain {
		t.Errorf("compressed it is another page: %v", err)
	}
	if e := ask(t, h, "GET", "/", "Accept-Encoding", "gzip;q=0").Header().Get("Content-Encoding"); e != "" {
		t.Errorf("gzip was refused, and is sent: %q", e)
	}
	for _, m := range regexp.MustCompile(`"(/assets/[^"]+)"`).FindAllStringSubmatch(plain, -1) {
		res := ask(t, h, "GET", m[1])
		if res.Code != 200 || !strings.Contains(res.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", m[1], res.Code, res.Header())
		}
	}
}

// TestStoreSilent: when the store does not answer that is said, and asked
// again.
func TestStoreSilent(t *testing.T) {
	data := statustest.Fleet(time.Now())
	rows, silent := data.Deployments, true
	data.Deployments = func(ctx context.Context) ([]statuspage.Deployment, error) {
		if silent {
			return nil, errors.New("the disk is gone")
		}
		return rows(ctx)
	}
	h := statuspage.New(data).Handler()
	if res := ask(t, h, "GET", "/"); res.Code != http.StatusServiceUnavailable {
		t.Error(res.Code)
	}
	silent = false
	if res := ask(t, h, "GET", "/"); res.Code != http.StatusOK {
		t.Error(res.Code)
	}
}

// TestManyReaders: however many ask, a page is made once, and histories are
// asked for less often than pages are made.
func TestManyReaders(t *testing.T) {
	data := statustest.Fleet(noon)
	rows, history, pages, pasts := data.Deployments, data.History, 0, 0
	data.Deployments = func(ctx context.Context) ([]statuspage.Deployment, error) {
		pages++
		return rows(ctx)
	}
	data.History = func(ctx context.Context, q store.SampleQuery) (store.SampleRange, error) {
		pasts++
		return history(ctx, q)
	}
	s := statuspage.New(data)
	for i, c := range []struct {
		after        time.Duration
		path         string
		pages, pasts int
	}{
		{0, "/", 1, 6}, {4 * time.Second, "/", 2, 6}, {4 * time.Second, "/deployments/search", 3, 7}, {40 * time.Second, "/", 4, 13},
	} {
		statuspage.SetNow(s, func() time.Time { return noon.Add(c.after) })
		for range 50 {
			ask(t, s.Handler(), "GET", c.path)
		}
		if pages != c.pages || pasts != c.pasts {
			t.Errorf("%d: %d pages were made of %d histories", i, pages, pasts)
		}
	}
}
