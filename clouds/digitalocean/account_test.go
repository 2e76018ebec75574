package digitalocean

import (
	"errors"
	"strings"
	"testing"

	"skysail/clouds"
)

const goodAccount = `{"account":{"email":"ops@example.com","email_verified":true,"status":"active","status_message":"","uuid":"u","team":{"uuid":"t","name":"Acme"}}}`

func TestCheck(t *testing.T) {
	const source = "variable DIGITALOCEAN_TOKEN"
	for name, c := range map[string]struct {
		answers map[string][]answer
		id      string
		err     []string // words of it; none is none
	}{
		"good": {map[string][]answer{"GET /v2/account": ok(goodAccount)}, "team Acme (ops@example.com)", nil},
		"without a team": {
			map[string][]answer{"GET /v2/account": ok(strings.Replace(goodAccount, `"Acme"`, `""`, 1))}, "ops@example.com", nil,
		},
		"wrong token": {
			map[string][]answer{"GET /v2/account": {unauthorized}},
			"",
			[]string{"the token of DIGITALOCEAN_TOKEN is not accepted by DigitalOcean", "Unable to authenticate you", "Generate New Token"},
		},
		"a token that may not see the account": {
			map[string][]answer{"GET /v2/account": {forbidden}, "GET /v2/droplets": ok(`{"droplets":[],"links":{},"meta":{"total":0}}`)}, "", nil,
		},
		"a token that may do nothing": {
			map[string][]answer{"GET /v2/account": {forbidden}, "GET /v2/droplets": {forbidden}},
			"",
			[]string{"needs the scope droplet:read", "firewall, ssh_key and tag"},
		},
		"a locked account": {
			map[string][]answer{"GET /v2/account": ok(strings.NewReplacer(`"active"`, `"locked"`, `"status_message":""`, `"status_message":"payment overdue"`).Replace(goodAccount))},
			"team Acme (ops@example.com)",
			[]string{"locked: payment overdue", "support"},
		},
		"an address that is not verified": {
			map[string][]answer{"GET /v2/account": ok(strings.Replace(goodAccount, "true", "false", 1))},
			"team Acme (ops@example.com)",
			[]string{"not verified", "link"},
		},
		"broken": {map[string][]answer{"GET /v2/account": {no(500, "server_error", "Unexpected server-side error")}}, "", []string{"Unexpected server-side error"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, cloud := serve(t, c.answers)
			got, err := cloud.Check(t.Context())
			if got != (clouds.Account{Source: source, ID: c.id}) {
				t.Errorf("account %+v", got)
			}
			if (err != nil) != (len(c.err) > 0) {
				t.Fatalf("err = %v", err)
			}
			for _, w := range c.err {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v\nlacks %q", err, w)
				}
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Error("the error holds the token")
			}
		})
	}
	none := New(clouds.MapEnv(nil))
	if _, err := none.Check(t.Context()); !errors.Is(err, errNoToken) {
		t.Errorf("without a token: %v", err)
	}
}
