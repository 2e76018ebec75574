package deploy

import (
	"strings"
	"testing"

	"skysail/policies"
	"skysail/store"
	"skysail/test/postgres"
	"skysail/test/statehttp"
)

func TestDoctorBackend(t *testing.T) {
	pg, web := postgres.Start(t), statehttp.Start(t)
	pgBackend := &policies.Backend{Type: "pg", Config: map[string]any{"conn_str": pg.ConnStr}}
	webBackend := &policies.Backend{Type: "http", Config: map[string]any{"address": web.URL, "retry_max": 0.0}}
	for _, c := range []struct {
		name    string
		backend *policies.Backend
		env     map[string]string
		state   CheckState
		says    string
	}{
		{"none", nil, nil, CheckOK, "on this machine"},
		{"pg", pgBackend, map[string]string{"PGPASSWORD": pg.Password}, CheckOK, `backend "pg" answers`},
		{"pg, wrong password", pgBackend, map[string]string{"PGPASSWORD": "no"}, CheckFailed, "password authentication failed"},
		{"http", webBackend, map[string]string{"TF_HTTP_USERNAME": statehttp.User, "TF_HTTP_PASSWORD": statehttp.Password}, CheckOK, `backend "http" answers`},
		{"http, no password", webBackend, nil, CheckFailed, "requires auth"},
		{"http, nobody there", &policies.Backend{Type: "http", Config: map[string]any{"address": "http://127.0.0.1:1", "retry_max": 0.0}}, nil, CheckFailed, "connection refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			policy := policies.Default()
			policy.Backend = c.backend
			env := map[string]string{}
			for k, v := range c.env {
				env[k] = v
			}
			d, err := withoutStore(Options{Home: t.TempDir(), Policy: &policy, Env: env})
			if err != nil {
				t.Fatal(err)
			}
			got := (&doctor{d: d}).backend(t.Context())[0]
			if got.State != c.state || !strings.Contains(got.Detail, c.says) {
				t.Errorf("%+v", got)
			}
			if strings.Contains(got.Detail+got.Fix, pg.Password) || strings.Contains(got.Detail+got.Fix, statehttp.Password) {
				t.Errorf("it tells the password: %+v", got)
			}
		})
	}
	if schemas := pg.Query(t, "select schema_name from information_schema.schemata where schema_name like 'skysail%'"); schemas != "" || len(web.States()) > 0 {
		t.Errorf("it made something: %s %v", schemas, web.States())
	}
}

// The environment of Terraform has the variables of the policy's backend and
// of no other.
func TestBackendEnv(t *testing.T) {
	all := map[string]string{}
	for _, kind := range policies.BackendTypes() {
		for _, v := range (&policies.Backend{Type: kind}).Variables() {
			all[v] = "x"
		}
	}
	all["PG_OTHER"], all["TF_CLI_ARGS"], all["TF_HTTP_ADDRESS"] = "x", "x", "x"
	for _, kind := range policies.BackendTypes() {
		policy := policies.Default()
		policy.Backend = &policies.Backend{Type: kind, Config: map[string]any{"address": "http://x"}}
		d := &Deployer{env: all}
		dep := deploymentOf(policy)
		got := map[string]string{}
		if err := d.addBackendEnv(got, dep); err != nil {
			t.Fatal(err)
		}
		if want := policy.Backend.Variables(); len(got) != len(want) {
			t.Errorf("%s: %d variables, want %d", kind, len(got), len(want))
		}
		for name := range got {
			for _, other := range []string{"PG_OTHER", "TF_CLI_ARGS", "TF_HTTP_ADDRESS"} {
				if name == other {
					t.Errorf("%s: it has %s", kind, name)
				}
			}
		}
		dep.Sandbox = true
		if err := d.addBackendEnv(got, dep); (err == nil) != (kind == "pg" || kind == "http") {
			t.Errorf("%s in the sandbox: %v", kind, err)
		}
	}
}

func deploymentOf(p policies.Policy) *store.Deployment {
	return &store.Deployment{ID: "d4k2m9x7qpb1", Name: "echo", Remote: true, Policy: p}
}
