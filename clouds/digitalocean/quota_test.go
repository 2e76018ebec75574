package digitalocean

import (
	"strings"
	"testing"

	"skysail/clouds"
	"skysail/clouds/faults"
)

func TestQuota(t *testing.T) {
	limited := func(n string) []answer {
		return ok(strings.Replace(goodAccount, `"status_message":""`, `"status_message":"","droplet_limit":`+n, 1))
	}
	three := ok(`{"droplets":[{"id":1}],"links":{},"meta":{"total":3}}`)
	for name, c := range map[string]struct {
		answers map[string][]answer
		known   bool
		fits    bool
		err     string
	}{
		"room":           {map[string][]answer{"GET /v2/account": limited("10"), "GET /v2/droplets": three}, true, true, ""},
		"exactly":        {map[string][]answer{"GET /v2/account": limited("5"), "GET /v2/droplets": three}, true, true, ""},
		"full":           {map[string][]answer{"GET /v2/account": limited("4"), "GET /v2/droplets": three}, true, false, ""},
		"not told":       {map[string][]answer{"GET /v2/account": {forbidden}, "GET /v2/droplets": three}, false, true, ""},
		"no limit in it": {map[string][]answer{"GET /v2/account": ok(goodAccount), "GET /v2/droplets": three}, false, true, ""},
		"wrong token":    {map[string][]answer{"GET /v2/account": {unauthorized}, "GET /v2/droplets": {unauthorized}}, false, true, "not accepted by DigitalOcean"},
	} {
		t.Run(name, func(t *testing.T) {
			_, cloud := serve(t, c.answers)
			room, err := cloud.Quota(t.Context(), clouds.Want{Region: "nyc1", Type: "s-1vcpu-1gb", Count: 2, VCPU: 1})
			if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("err = %v, want %q", err, c.err)
			}
			if room.Known() != c.known || room.Fits() != c.fits {
				t.Errorf("%+v", room)
			}
			if c.known && (room.Used != 3 || room.Need != 2 || room.Scope != faults.ScopeProvider) {
				t.Errorf("%+v", room)
			}
		})
	}
}
