package vultr

import (
	"errors"
	"strings"
	"testing"

	"skysail/clouds"
)

func accountBody(acls string) []answer {
	return ok(`{"account":{"name":"Acme","email":"ops@example.com","acls":[` + acls + `],"balance":-5,"pending_charges":1}}`)
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		answers []answer
		id      string
		err     []string // words of it; none is none
	}{
		"good":                     {accountBody(`"provisioning","subscriptions","firewall","billing"`), "Acme (ops@example.com)", nil},
		"permissions are not told": {accountBody(""), "Acme (ops@example.com)", nil},
		"permissions lack": {
			accountBody(`"subscriptions","billing"`), "Acme (ops@example.com)",
			[]string{"VULTR_API_KEY", "lacks the permissions provisioning, firewall", "Users"},
		},
		"wrong key":          {[]answer{no(401, "Invalid API token.")}, "", []string{"the key of VULTR_API_KEY is not accepted", "Access Control", "Invalid API token."}},
		"another address":    {[]answer{no(401, "Unauthorized IP address: 203.0.113.7")}, "", []string{"Access Control", "203.0.113.7"}},
		"forbidden":          {[]answer{no(403, "Forbidden")}, "", []string{"may not do this"}},
		"broken for a while": {[]answer{no(503, "Service unavailable"), accountBody("")[0]}, "Acme (ops@example.com)", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, cloud := serve(t, map[string][]answer{"GET /v2/account": c.answers})
			got, err := cloud.Check(t.Context())
			if got != (clouds.Account{Source: "variable VULTR_API_KEY", ID: c.id}) {
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
				t.Error("the error holds the key")
			}
		})
	}
	if _, err := New(clouds.MapEnv(nil)).Check(t.Context()); !errors.Is(err, errNoKey) {
		t.Errorf("without a key: %v", err)
	}
}
