package policies

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/internal/hclfile"
)

func TestBackend(t *testing.T) {
	for name, src := range map[string]string{
		"policy.hcl": `policy {
  backend "s3" {
    bucket      = "states"
    encrypt     = true
    max_retries = 3
    profile     = null
    region      = "eu-${"central"}-1"
    endpoints   = { s3 = "http://127.0.0.1:9000" }
    allowed_account_ids = ["1", "2"]
  }
}`,
		"policy.json": `{"policy": {"backend": {"s3": {
  "bucket": "states", "encrypt": true, "max_retries": 3, "profile": null, "region": "eu-${\"central\"}-1",
  "endpoints": {"s3": "http://127.0.0.1:9000"}, "allowed_account_ids": ["1", "2"]}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			p, err := parse(name, []byte(src), hclfile.ParseOptions{})
			if err != nil {
				t.Fatal(err)
			}
			want := &Backend{Type: "s3", Config: map[string]any{
				"bucket": "states", "encrypt": true, "max_retries": 3.0, "region": "eu-central-1",
				"endpoints": map[string]any{"s3": "http://127.0.0.1:9000"}, "allowed_account_ids": []any{"1", "2"},
			}}
			if diff := cmp.Diff(want, p.Backend); diff != "" {
				t.Error(diff)
			}
			if err := p.Validate(); err != nil {
				t.Error(err)
			}
			// As it goes through a store and a supervisor's order.
			b, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			var again Policy
			if err := json.Unmarshal(b, &again); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(p, again); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Each argument that is a credential is refused, with the variable that
// Terraform reads, and its value is nowhere in the message.
func TestBackendCredentials(t *testing.T) {
	const canary = "canary-7f3a"
	required := map[string]string{
		"s3": `bucket = "b"`, "gcs": `bucket = "b"`, "azurerm": `storage_account_name = "a"` + "\n" + `container_name = "c"`,
		"http": `address = "https://state.example.com"`,
	}
	for kind, k := range backends {
		for path, c := range k.credentials {
			t.Run(kind+"/"+path, func(t *testing.T) {
				value := `"` + canary + `"`
				switch path {
				case "conn_str":
					value = `"postgres://me:` + canary + `@db/terraform"`
				case "exec.env":
					value = `{ A = "` + canary + `" }`
				}
				line := path + " = " + value
				if object, inner, ok := strings.Cut(path, "."); ok {
					line = object + " = { " + inner + " = " + value + " }"
				}
				_, err := parse("policy.hcl", []byte("policy {\n backend \""+kind+"\" {\n"+required[kind]+"\n"+line+"\n}\n}"), hclfile.ParseOptions{})
				if err == nil {
					t.Fatal("it is allowed")
				}
				for _, want := range append(slices.Clone(c.variables), path, "Credential in the policy") {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("the message lacks %q:\n%v", want, err)
					}
				}
				if strings.Contains(err.Error(), canary) {
					t.Errorf("the message has the credential:\n%v", err)
				}
				for _, v := range c.variables {
					if !slices.Contains(k.variables, v) {
						t.Errorf("Terraform is not given %s", v)
					}
				}
			})
		}
	}
}

func TestBackendAddresses(t *testing.T) {
	for _, c := range []struct {
		kind, name, value string
		ok                bool
	}{
		{"pg", "conn_str", "postgres://me@db/terraform?sslmode=disable", true},
		{"pg", "conn_str", "host=db user=me dbname=terraform", true},
		{"pg", "conn_str", "", true},
		{"pg", "conn_str", "host=db user=me password=x", false},
		{"pg", "conn_str", "host=db PASSWORD = 'x y'", false},
		{"pg", "conn_str", "postgres://db/terraform?user=me&password=x", false},
		{"pg", "conn_str", "postgres://me:pa%zz@db/terraform", false},
		{"http", "address", "https://state.example.com/{key}", true},
		{"http", "address", "https://me:secret@state.example.com/", false},
		{"http", "address", "https://state.example.com/?private_token=x", false},
		{"http", "lock_address", "https://me:secret@state.example.com/", false},
		{"s3", "https_proxy", "http://me:secret@proxy:3128", false},
		{"s3", "kms_key_id", "arn:aws:kms:eu-central-1:1:key/a", true},
	} {
		b := Backend{Type: c.kind, Config: map[string]any{"bucket": "b", "address": "https://state.example.com", c.name: c.value}}
		if got := len(b.mistakes()) == 0; got != c.ok {
			t.Errorf("%s %s = %q: allowed %v, want %v", c.kind, c.name, c.value, got, c.ok)
		}
	}
}
