package aws

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"skysail/clouds"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	keyID  = "AKIAIOSFODNN7EXAMPLE"
)

// fake answers as AWS does, all services at one address, with what a test
// lays down.
type fake struct {
	*httptest.Server
	mu sync.Mutex
	// calls are "service:Action region"; actions are the first part of them.
	calls []string
	// bodies of the requests, by action.
	bodies map[string][]string
	// answers by "Action region" or "Action"; the last is kept. EC2 and STS
	// answer what is not laid down with an empty list.
	answers map[string][]answer
}

type answer struct {
	status int
	body   string
	header string // Content-Type
}

// ok is the inside of an answer in XML.
func ok(inside string) []answer { return []answer{{status: 200, body: inside}} }

func no(status int, code, text string) answer {
	return answer{status: status, body: fmt.Sprintf("<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>r-1</RequestID></Response>", code, text)}
}

// regions answers DescribeRegions.
func regions(names ...string) []answer {
	s := "<regionInfo>"
	for _, n := range names {
		s += "<item><regionName>" + n + "</regionName></item>"
	}
	return ok(s + "</regionInfo>")
}

func serve(t *testing.T, answers map[string][]answer) (*fake, *Cloud) {
	t.Helper()
	f := &fake{answers: answers, bodies: map[string][]string{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	c := New(clouds.MapEnv(map[string]string{
		"AWS_ACCESS_KEY_ID": keyID, "AWS_SECRET_ACCESS_KEY": secret, "AWS_ENDPOINT_URL": f.URL, "AWS_EC2_METADATA_DISABLED": "true",
	}))
	return f, quick(c)
}

// quick makes a Cloud less patient.
func quick(c *Cloud) *Cloud {
	c.pause, c.longest, c.patience = time.Millisecond, time.Millisecond, 5*time.Second
	return c
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return // whoever called has given up
	}
	region, service := "", ""
	if _, rest, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="+keyID+"/"); ok {
		scope := strings.Split(rest, "/")
		region, service = scope[1], scope[2]
	}
	form, _ := url.ParseQuery(string(raw))
	action := form.Get("Action")
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		_, action, _ = strings.Cut(target, ".")
	} else if action == "" {
		_, action, _ = strings.Cut(r.URL.Path, "/operation/")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, service+":"+action+" "+region)
	f.bodies[action] = append(f.bodies[action], string(raw))
	key := action + " " + region
	if _, ok := f.answers[key]; !ok {
		key = action
	}
	list := f.answers[key]
	if service == "" && action != "AssumeRoleWithWebIdentity" {
		list = []answer{no(401, "AuthFailure", "AWS was not able to validate the provided access credentials")}
	}
	if len(list) == 0 {
		list = ok("")
	}
	if len(list) > 1 {
		f.answers[key] = list[1:]
	}
	a := list[0]
	if a.header == "" && a.status == 200 {
		a.body = "<" + action + "Response>" + a.body + "</" + action + "Response>"
		a.header = "text/xml"
	}
	w.Header().Set("Content-Type", a.header)
	if a.header == "application/cbor" {
		w.Header().Set("smithy-protocol", "rpc-v2-cbor")
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func (f *fake) count(prefix string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}

// actions are what was called, as an IAM policy names it, each once.
func (f *fake) actions() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, c := range f.calls {
		action, _, _ := strings.Cut(c, " ")
		out = append(out, strings.Replace(action, "monitoring:", "cloudwatch:", 1))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
