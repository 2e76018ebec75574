package gcp

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/clouds"
)

const canary = "canary-of-a-private-key"

// home is a home folder with files in it, by path.
func home(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCredentials(t *testing.T) {
	const (
		user = `{"type":"authorized_user","client_id":"x","client_secret":"` + canary + `","refresh_token":"` + canary + `","quota_project_id":"pays"}`
		key  = `{"type":"service_account","project_id":"from-the-key","private_key":"` + canary + `"}`
		adc  = ".config/gcloud/application_default_credentials.json"
	)
	at := home(t, map[string]string{
		"key.json": key, "user.json": user, "other.json": `{"type":"potato","private_key":"` + canary + `"}`, "text": canary,
		"a/" + adc: user,
		"a/.config/gcloud/configurations/config_default": "[compute]\nproject = wrong\n[core]\naccount = me@example.com\nproject = from-gcloud\n",
		"b/" + adc:                       key,
		"c/.config/gcloud/active_config": "work\n",
		"c/.config/gcloud/configurations/config_work": "[core]\nproject=from-work\n",
		"c/.config/gcloud/configurations/config_home": "[core]\nproject=from-home\n",
		"dmi": "Google Compute Engine\n",
	})
	file := func(name string) string { return filepath.Join(at, name) }
	for name, c := range map[string]struct {
		env                    map[string]string
		product                string
		source, project, fails string
		terraform              map[string]string // without GOOGLE_PROJECT
	}{
		"nothing":             {fails: "gcloud auth application-default login"},
		"a token":             {env: map[string]string{"GOOGLE_OAUTH_ACCESS_TOKEN": secret + "\n", "GOOGLE_CREDENTIALS": key, "GCLOUD_PROJECT": "p"}, source: "variable GOOGLE_OAUTH_ACCESS_TOKEN", project: "p", terraform: map[string]string{"GOOGLE_OAUTH_ACCESS_TOKEN": secret}},
		"a key":               {env: map[string]string{"GOOGLE_CREDENTIALS": key}, source: "variable GOOGLE_CREDENTIALS", project: "from-the-key", terraform: map[string]string{"GOOGLE_CREDENTIALS": key}},
		"a key's path":        {env: map[string]string{"GOOGLE_CREDENTIALS": file("key.json")}, source: "file " + file("key.json") + " of GOOGLE_CREDENTIALS", project: "from-the-key", terraform: map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file("key.json")}},
		"a file":              {env: map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file("key.json"), "GOOGLE_CLOUD_PROJECT": "p", "HOME": file("a")}, source: "file " + file("key.json") + " of GOOGLE_APPLICATION_CREDENTIALS", project: "p", terraform: map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file("key.json")}},
		"gcloud's":            {env: map[string]string{"HOME": file("a")}, source: "gcloud's " + file("a/"+adc), project: "from-gcloud", terraform: map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file("a/" + adc)}},
		"the key's project":   {env: map[string]string{"HOME": file("b")}, source: "gcloud's " + file("b/"+adc), project: "from-the-key", terraform: map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file("b/" + adc)}},
		"gcloud's folder":     {env: map[string]string{"HOME": file("b"), "CLOUDSDK_CONFIG": file("a/.config/gcloud")}, source: "gcloud's " + file("a/"+adc), project: "from-gcloud", terraform: map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file("a/" + adc)}},
		"a configuration":     {env: map[string]string{"HOME": file("c"), "GOOGLE_APPLICATION_CREDENTIALS": file("user.json")}, source: "file " + file("user.json") + " of GOOGLE_APPLICATION_CREDENTIALS", project: "from-work", terraform: map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file("user.json")}},
		"another one":         {env: map[string]string{"HOME": file("c"), "CLOUDSDK_ACTIVE_CONFIG_NAME": "home", "GOOGLE_CREDENTIALS": user}, source: "variable GOOGLE_CREDENTIALS", project: "from-home", terraform: map[string]string{"GOOGLE_CREDENTIALS": user}},
		"a machine of theirs": {env: map[string]string{"CLOUDSDK_CORE_PROJECT": "p"}, product: file("dmi"), source: "this machine's service account", project: "p", terraform: map[string]string{}},
		"a metadata server":   {env: map[string]string{"GCE_METADATA_HOST": "127.0.0.1:1", "GOOGLE_PROJECT": "p"}, source: "this machine's service account", project: "p", terraform: map[string]string{"GCE_METADATA_HOST": "127.0.0.1:1"}},
		"no project":          {env: map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file("user.json")}, fails: "set GOOGLE_CLOUD_PROJECT"},
		"no file":             {env: map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file("missing.json"), "HOME": file("a")}, fails: "missing.json"},
		"another file":        {env: map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file("other.json")}, fails: "is not a credentials file"},
		"a text":              {env: map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file("text")}, fails: "is not a credentials file"},
		"half a key":          {env: map[string]string{"GOOGLE_CREDENTIALS": canary}, fails: "GOOGLE_CREDENTIALS holds neither"},
		"a broken key":        {env: map[string]string{"GOOGLE_CREDENTIALS": `{"type":"service_account","private_key":"` + canary}, fails: "is not a credentials file"},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := New(clouds.MapEnv(c.env))
			cloud.product = c.product
			err := cloud.Credentials()
			got := cloud.TerraformEnv()
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) || strings.Contains(err.Error(), canary) {
					t.Errorf("the error does not say %q: %v", c.fails, err)
				}
				if len(got) != 0 {
					t.Errorf("Terraform is given %v", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			account, err := cloud.Account()
			if diff := cmp.Diff(clouds.Account{Source: c.source, ID: c.project}, account); diff != "" || err != nil {
				t.Error(err, diff)
			}
			c.terraform["GOOGLE_PROJECT"] = c.project
			if diff := cmp.Diff(c.terraform, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTerraformEnv(t *testing.T) {
	got := New(clouds.MapEnv(map[string]string{
		"GOOGLE_OAUTH_ACCESS_TOKEN": secret, "GOOGLE_PROJECT": "p", "HTTPS_PROXY": "http://127.0.0.1:4001", "SSL_CERT_FILE": "/tmp/ca.pem",
		"GOOGLE_COMPUTE_CUSTOM_ENDPOINT": "http://127.0.0.1:1/compute/v1/", "VULTR_API_KEY": "not ours",
	})).TerraformEnv()
	want := map[string]string{
		"GOOGLE_OAUTH_ACCESS_TOKEN": secret, "GOOGLE_PROJECT": "p", "HTTPS_PROXY": "http://127.0.0.1:4001", "SSL_CERT_FILE": "/tmp/ca.pem",
		"GOOGLE_COMPUTE_CUSTOM_ENDPOINT": "http://127.0.0.1:1/compute/v1/",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Terraform's provider and we go to the same place.
func TestEndpoint(t *testing.T) {
	f, _ := serve(t, map[string][]answer{"GET " + at: ok(`{"name":"my-project"}`)})
	c := New(clouds.MapEnv(map[string]string{"GOOGLE_OAUTH_ACCESS_TOKEN": secret, "GOOGLE_PROJECT": project, "GOOGLE_COMPUTE_CUSTOM_ENDPOINT": f.URL + "/compute/v1"}))
	if _, err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// serviceAccount is a key whose tokens come from address.
func serviceAccount(t *testing.T, address string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": project, "client_email": "skysail@my-project.iam.gserviceaccount.com", "token_uri": address,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A key is exchanged for a token once, and a refusal is told as one.
func TestToken(t *testing.T) {
	for name, c := range map[string]struct {
		status       int
		body, fails  string
		tokens, asks int
	}{
		"given":              {status: 200, body: `{"access_token":"` + secret + `","token_type":"Bearer","expires_in":3599}`, tokens: 1, asks: 1},
		"refused":            {status: 400, body: `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`, fails: "are not accepted by Google (invalid_grant Invalid JWT Signature.)", tokens: 1},
		"broken for a while": {status: 503, body: `busy`, fails: "asking Google for an access token", tokens: 5},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked++
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer tokens.Close()
			f, _ := serve(t, map[string][]answer{"GET " + at: ok(`{"name":"my-project"}`)})
			cloud := New(clouds.MapEnv(map[string]string{"GOOGLE_CREDENTIALS": serviceAccount(t, tokens.URL)}))
			cloud.at(f.URL)
			_, err := cloud.Check(t.Context())
			if (c.fails == "") != (err == nil) || err != nil && (!strings.Contains(err.Error(), c.fails) || strings.Contains(err.Error(), "PRIVATE KEY")) {
				t.Errorf("%v, want %q", err, c.fails)
			}
			if asked != c.tokens || f.count("") != c.asks {
				t.Errorf("%d tokens and %d calls, want %d and %d", asked, f.count(""), c.tokens, c.asks)
			}
		})
	}
}

// A user's calls are charged to the project that the user has named for it.
func TestQuotaProject(t *testing.T) {
	var charged string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { charged = r.Header.Get("X-Goog-User-Project") }))
	defer s.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	base := &http.Transport{}
	defer base.CloseIdleConnections()
	resp, err := billed{project: "pays", next: base}.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if charged != "pays" || req.Header.Get("X-Goog-User-Project") != "" {
		t.Errorf("charged to %q", charged)
	}
}
