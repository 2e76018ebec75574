package httpprobe_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"skysail/internal/jsonassert"
	"skysail/qos/httpprobe"
	"skysail/qos/internal/probetest"
	"skysail/qos/probe"
)

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// TestFaultsOnTheWire wants of each fault that the probe ends in time, and the
// right words.
func TestFaultsOnTheWire(t *testing.T) {
	body := regexp.MustCompile("never")
	for _, c := range []struct {
		name    string
		serve   func(net.Conn)
		o       httpprobe.Options
		why     string
		status  float64
		inTime  bool // it ends by itself, and not by the deadline
		success bool
	}{
		{name: "body at a byte at a time", serve: probetest.Drip("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 100000), time.Millisecond), why: "the body did not come in time", status: 200},
		{name: "head at a byte at a time", serve: probetest.Drip("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 100000), time.Millisecond), why: "its head began and did not end"},
		{name: "silence", serve: probetest.Hold, why: "the request was not answered"},
		{name: "hangs up", serve: func(c net.Conn) { _, _ = c.Read(make([]byte, 1000)) }, why: "closed without an answer", inTime: true},
		{name: "endless body", serve: probetest.Endless("HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("x", 64<<10)), status: 200, inTime: true, success: true},
		{name: "endless body that is judged", serve: probetest.Endless("HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("x", 64<<10)), o: httpprobe.Options{BodyMatches: []*regexp.Regexp{body}}, why: `does not match "never": it begins with "xxx`, status: 200, inTime: true},
		{name: "endless chunks", serve: probetest.Endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", strings.Repeat("1\r\nx\r\n", 10000)), status: 200, inTime: true, success: true},
		{name: "endless head", serve: probetest.Endless("HTTP/1.1 200 OK\r\n", "X-A: b\r\n"), why: "the head of the answer has more than 65536 bytes", inTime: true},
		{name: "endless header", serve: probetest.Endless("HTTP/1.1 200 OK\r\nA: ", "bbbb"), why: "the head of the answer has more than 65536 bytes", inTime: true},
		{name: "endless hints", serve: probetest.Endless("", "HTTP/1.1 103 Early Hints\r\n\r\n"), why: "not HTTP as it should be", inTime: true},
		{name: "hints and an answer", serve: probetest.Say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok), status: 200, inTime: true, success: true},
		{name: "garbage", serve: probetest.Say("\x00\xff\x1b[31mSSH-2.0 hello\r\n"), why: `the answer is not HTTP: it begins with "\x00\xff\x1b[31mSSH-2.0 hello`, inTime: true},
		{name: "another protocol", serve: probetest.Say("220 mail.example.com ESMTP\r\n"), why: `it begins with "220 mail.example.com ESMTP`, inTime: true},
		{name: "broken head", serve: probetest.Say("HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"), why: "not HTTP as it should be", inTime: true},
		{name: "broken status", serve: probetest.Say("HTTP/1.1 2x0 OK\r\n\r\n"), why: "not HTTP as it should be", inTime: true},
		{name: "broken chunk", serve: probetest.Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), why: "status 200, but the body broke off", status: 200, inTime: true},
		{name: "TLS where plain HTTP is asked", serve: probetest.Say("\x15\x03\x01\x00\x02\x02\x0a"), why: "the port speaks TLS, not plain HTTP", inTime: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := 20 * time.Second
			if !c.inTime {
				d = 400 * time.Millisecond
			}
			r, v := askFor(t, d, "http://"+probetest.Wire(t, c.serve)+"/", c.o)
			if r.Success != c.success || !strings.Contains(r.Why, c.why) || v["probe_http_status_code"] != c.status || !r.Reached {
				t.Errorf("success %v, why %q, status %v, reached %v", r.Success, r.Why, v["probe_http_status_code"], r.Reached)
			}
			if len(r.Why) > 300 {
				t.Errorf("the words have %d bytes", len(r.Why))
			}
		})
	}
}

func TestNotReached(t *testing.T) {
	r, _ := askFor(t, 400*time.Millisecond, "http://"+probetest.Blackhole(t)+"/", httpprobe.Options{})
	if r.Success || r.Reached || !strings.Contains(r.Why, "nothing accepted the connection") {
		t.Errorf("blackhole: %+v", r)
	}
	r, _ = ask(t, "http://"+probetest.Closed(t)+"/", httpprobe.Options{})
	if r.Success || !r.Reached || !strings.Contains(r.Why, "connection refused") {
		t.Errorf("refused: %+v", r)
	}
	r, _ = ask(t, "http://nowhere.invalid/", httpprobe.Options{})
	if r.Success || r.Reached || !strings.Contains(r.Why, `"nowhere.invalid"`) {
		t.Errorf("no such name: %+v", r)
	}
}

// TestEndlessIsBounded holds what the probe of an endless body keeps.
func TestEndlessIsBounded(t *testing.T) {
	addr := probetest.Wire(t, probetest.Endless("HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("x", 64<<10)))
	condition, err := jsonassert.Parse("$.a")
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r, v := ask(t, "http://"+addr+"/", httpprobe.Options{JSON: []*jsonassert.Condition{condition}})
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 {
		t.Errorf("%d bytes were allocated for a body of which 1 MiB is read", got)
	}
	if v["probe_http_uncompressed_body_length"] != 1<<20 || len(r.Notes) != 1 || v["skysail_probe_failed_due_to_json"] != 1 {
		t.Errorf("%+v", r)
	}
}

func TestCertificates(t *testing.T) {
	ca, other := probetest.NewCA(t), probetest.NewCA(t)
	later := time.Now().Add(90 * 24 * time.Hour)
	good := ca.Leaf(later, "good.example", "127.0.0.1")
	secure := func(c tls.Certificate, extra ...func(*tls.Config)) string {
		config := &tls.Config{Certificates: []tls.Certificate{c}}
		for _, f := range extra {
			f(config)
		}
		return "https://" + probetest.Wire(t, probetest.Secure(config, probetest.Say(ok))) + "/"
	}
	wantsClient := func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, ca.Pool() }
	certFile, keyFile := ca.Files(ca.Leaf(later, "client"))
	wrongCert, wrongKey := other.Files(other.Leaf(later, "client"))
	yesterday := time.Now().Add(-24 * time.Hour)
	for _, c := range []struct {
		name, url string
		tls       probe.TLSOptions
		days      int
		why       string
		expiry    bool
	}{
		{"good", secure(good), probe.TLSOptions{RootCAs: ca.Pool()}, 30, "", true},
		{"good by a file", secure(good), probe.TLSOptions{CAFile: ca.File()}, 0, "", true},
		{"ends too soon", secure(good), probe.TLSOptions{RootCAs: ca.Pool()}, 100, "a certificate ends at", true},
		{"expired", secure(ca.Leaf(yesterday, "127.0.0.1")), probe.TLSOptions{RootCAs: ca.Pool()}, 0, `the certificate of "127.0.0.1" expired at ` + yesterday.UTC().Format("2006-01-02"), true},
		{"wrong name", secure(ca.Leaf(later, "other.example")), probe.TLSOptions{RootCAs: ca.Pool()}, 0, `is not for "127.0.0.1" but for "other.example"`, true},
		{"right name said", secure(ca.Leaf(later, "other.example")), probe.TLSOptions{RootCAs: ca.Pool(), ServerName: "other.example"}, 0, "", true},
		{"wrong CA", secure(good), probe.TLSOptions{RootCAs: other.Pool()}, 0, "an authority that is not trusted here", true},
		{"no CA", secure(good), probe.TLSOptions{}, 0, "an authority that is not trusted here", true},
		{"plain port", "https://" + probetest.Wire(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1000))
			probetest.Say("HTTP/1.1 400 Bad Request\r\n\r\n")(c)
		}) + "/", probe.TLSOptions{}, 0, "speaks plain HTTP, not TLS", false},
		{"garbage", "https://" + probetest.Wire(t, probetest.Say("SSH-2.0-OpenSSH_9.2\r\n")) + "/", probe.TLSOptions{}, 0, "the port does not speak TLS", false},
		{"hangs up", "https://" + probetest.Wire(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 2000)) }) + "/", probe.TLSOptions{}, 0, "closed in the TLS handshake", false},
		{"old version", secure(good, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), probe.TLSOptions{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS13}, 0, "TLS", false},
		{"client certificate", secure(good, wantsClient), probe.TLSOptions{RootCAs: ca.Pool(), CertFile: certFile, KeyFile: keyFile}, 0, "", true},
		{"no client certificate", secure(good, wantsClient), probe.TLSOptions{RootCAs: ca.Pool()}, 0, "server wants a client certificate", true},
		{"no client certificate, TLS 1.2", secure(good, wantsClient, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), probe.TLSOptions{RootCAs: ca.Pool()}, 0, "may want a client certificate", true},
		{"wrong client certificate", secure(good, wantsClient), probe.TLSOptions{RootCAs: ca.Pool(), CertFile: wrongCert, KeyFile: wrongKey}, 0, "does not take the client certificate", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := httpprobe.Options{TLS: probe.NewTLS(c.tls), MinCertificate: time.Duration(c.days) * 24 * time.Hour}
			for range 2 { // the second one knows the chain
				r, v := ask(t, c.url, o)
				if r.Success != (c.why == "") || !strings.Contains(r.Why, c.why) || !r.Reached {
					t.Errorf("success %v, why %q", r.Success, r.Why)
				}
				if _, ok := v["probe_ssl_earliest_cert_expiry"]; ok != c.expiry {
					t.Errorf("expiry told: %v", ok)
				}
				if _, ok := v["probe_ssl_last_chain_info"]; ok != (r.Success || c.days > 0 || strings.Contains(c.name, "client certificate") && v["probe_http_duration_secondsprocessing"] > 0) {
					t.Errorf("chain told: %v", ok)
				}
			}
		})
	}
	for name, o := range map[string]probe.TLSOptions{"ca_file": {CAFile: keyFile}, "key_file": {CertFile: certFile, KeyFile: wrongKey}, "no such file": {CAFile: certFile + ".not"}} {
		if r, err := httpprobe.Probe(t.Context(), secure(good), httpprobe.Options{TLS: probe.NewTLS(o)}); err == nil || len(r.Metrics) > 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestRenewedCertificate is seen at the next probe, whatever was verified
// before.
func TestRenewedCertificate(t *testing.T) {
	ca := probetest.NewCA(t)
	soon, later := time.Now().Add(48*time.Hour), time.Now().Add(90*24*time.Hour)
	first, second, bad := ca.Leaf(soon, "127.0.0.1"), ca.Leaf(later, "127.0.0.1"), ca.Leaf(time.Now().Add(-time.Hour), "127.0.0.1")
	now := &first
	url := "https://" + probetest.Wire(t, probetest.Secure(&tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return now, nil },
	}, probetest.Say(ok))) + "/"
	o := httpprobe.Options{TLS: probe.NewTLS(probe.TLSOptions{RootCAs: ca.Pool()})}
	for _, c := range []struct {
		cert *tls.Certificate
		good bool
	}{{&first, true}, {&first, true}, {&second, true}, {&bad, false}, {&second, true}} {
		now = c.cert
		r, v := ask(t, url, o)
		if r.Success != c.good || v["probe_ssl_earliest_cert_expiry"] != float64(c.cert.Leaf.NotAfter.Unix()) {
			t.Errorf("%+v, expiry %v", r, v["probe_ssl_earliest_cert_expiry"])
		}
	}
}

func TestRedirects(t *testing.T) {
	mux := http.NewServeMux()
	to := func(from, to string) {
		mux.HandleFunc(from, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", to); w.WriteHeader(302) })
	}
	to("/a", "/b")
	to("/b", "c?x=1#y")
	mux.HandleFunc("/c", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.URL.RawQuery, r.Header.Get("X-Test"))
	})
	to("/loop", "/loop2")
	to("/loop2", "/loop3")
	to("/loop3", "/loop2")
	to("/self", "/self")
	to("/other", "http://other.example/")
	to("/scheme", "ftp://127.0.0.1/")
	to("/bad", "http://a b/")
	mux.HandleFunc("/long/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Path+"x")
		w.WriteHeader(307)
	})
	s := serve(t, mux.ServeHTTP)
	h := http.Header{"X-Test": {"sent"}}
	for path, want := range map[string]struct {
		why       string
		redirects float64
	}{
		"/a":      {"", 2},
		"/loop":   {"redirect loop: ", 2},
		"/self":   {"redirect loop: ", 0},
		"/other":  {"sends on to another host", 0},
		"/scheme": {"neither http nor https", 0},
		"/bad":    {"which is no URL", 0},
		"/long/":  {"more than 5 redirects", 5},
	} {
		r, v := ask(t, s.URL+path, httpprobe.Options{Redirects: 5, Header: h, BodyMatches: []*regexp.Regexp{regexp.MustCompile("^x=1sent$")}})
		if r.Success != (want.why == "") || !strings.Contains(r.Why, want.why) || v["probe_http_redirects"] != want.redirects {
			t.Errorf("%s: why %q, redirects %v", path, r.Why, v["probe_http_redirects"])
		}
	}
	if r, _ := ask(t, s.URL+"/a", httpprobe.Options{Status: []httpprobe.StatusRange{{From: 302, To: 302}}}); !r.Success {
		t.Errorf("a redirect that is wanted: %q", r.Why)
	}
	ca := probetest.NewCA(t)
	cert := ca.Leaf(time.Now().Add(time.Hour), "127.0.0.1")
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	down := probetest.Wire(t, probetest.Secure(config, probetest.Say("HTTP/1.1 301 Moved\r\nLocation: "+s.URL+"/c\r\nContent-Length: 0\r\n\r\n")))
	up := probetest.Wire(t, probetest.Secure(config, probetest.Say(ok)))
	first := probetest.Wire(t, probetest.Say("HTTP/1.1 301 Moved\r\nLocation: https://"+up+"/\r\nContent-Length: 0\r\n\r\n"))
	o := httpprobe.Options{Redirects: 5, RootCAs: ca.Pool()}
	if r, _ := ask(t, "https://"+down+"/", o); r.Success || !strings.Contains(r.Why, "from https to") {
		t.Errorf("to plain http: %+v", r)
	}
	if r, v := ask(t, "http://"+first+"/", o); !r.Success || v["probe_http_ssl"] != 1 || v["probe_http_redirects"] != 1 {
		t.Errorf("to https: %q, %v", r.Why, v)
	}
}

func TestConditions(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT")
		_, _ = fmt.Fprintf(w, `{"status":"ok","method":%q,"host":%q,"agent":%q}`, r.Method, r.Host, r.UserAgent())
	})
	re := regexp.MustCompile
	condition := func(text string) []*jsonassert.Condition {
		c, err := jsonassert.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return []*jsonassert.Condition{c}
	}
	for _, c := range []struct {
		o         httpprobe.Options
		why       string
		regexFail float64
	}{
		{httpprobe.Options{BodyMatches: []*regexp.Regexp{re(`"ok"`), re("status")}}, "", 0},
		{httpprobe.Options{BodyMatches: []*regexp.Regexp{re(`"ok"`), re("nothing")}}, `does not match "nothing"`, 1},
		{httpprobe.Options{BodyNotMatches: []*regexp.Regexp{re("o.")}}, `matches "o.", which it must not: "ok"`, 1},
		{httpprobe.Options{HeaderMatches: map[string]*regexp.Regexp{"content-type": re("^application/json")}}, "", 0},
		{httpprobe.Options{HeaderMatches: map[string]*regexp.Regexp{"Content-Type": re("^text/")}}, "the header Content-Type is", 1},
		{httpprobe.Options{HeaderMatches: map[string]*regexp.Regexp{"X-None": re("a")}}, "no header X-None", 1},
		{httpprobe.Options{Status: []httpprobe.StatusRange{{From: 400, To: 499}, {From: 503, To: 503}}}, "status 200 where 400-499, 503 is wanted", -1},
		{httpprobe.Options{JSON: condition(`$.status == "ok" && $.method == "POST"`), Method: "POST"}, "", -1},
		{httpprobe.Options{JSON: condition(`$.status == "bad"`)}, `does not fulfil $.status == "bad"`, -1},
		{httpprobe.Options{JSON: condition(`$.host == "www.example.com"`), Header: http.Header{"Host": {"www.example.com"}}}, "", -1},
		{httpprobe.Options{JSON: condition(`$.agent == "mine"`), Header: http.Header{"User-Agent": {"mine"}}}, "", -1},
		{httpprobe.Options{Method: "HEAD"}, "", -1},
	} {
		r, v := ask(t, s.URL, c.o)
		if r.Success != (c.why == "") || !strings.Contains(r.Why, c.why) {
			t.Errorf("%+v: %q", c.o, r.Why)
		}
		got, told := v["probe_failed_due_to_regex"]
		if told != (c.regexFail >= 0) || told && got != c.regexFail {
			t.Errorf("%+v: probe_failed_due_to_regex %v, told %v", c.o, got, told)
		}
		if v["probe_http_last_modified_timestamp_seconds"] != 1445412480 || v["probe_http_version"] != 1.1 || v["probe_ip_protocol"] != 4 {
			t.Errorf("%v", v)
		}
	}
	plain := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>") })
	if r, _ := ask(t, plain.URL, httpprobe.Options{JSON: condition("$.a")}); r.Success || !strings.Contains(r.Why, "no JSON document") {
		t.Errorf("%+v", r)
	}
}
