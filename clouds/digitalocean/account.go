package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/digitalocean/godo"

	"skysail/clouds"
)

// checkPause is how soon a check that could not connect is repeated: somebody
// waits for it, and wants the cause rather than a deadline.
const checkPause = 200 * time.Millisecond

// Account says where the token was found.
func (c *Cloud) Account() (clouds.Account, error) {
	t, err := c.token()
	if err != nil {
		return clouds.Account{}, err
	}
	return clouds.Account{Source: clouds.Where(t.source)}, nil
}

// Check asks for the account of the token. A token whose scopes leave the
// account out is tried on what a deployment needs; its account stays unnamed.
func (c *Cloud) Check(ctx context.Context) (clouds.Account, error) {
	out, err := c.Account()
	if err != nil {
		return out, err
	}
	quick := *c
	quick.pause = min(c.pause, checkPause)
	api, err := quick.connect()
	if err != nil {
		return out, err
	}
	defer api.close()
	a, _, err := api.Account.Get(ctx)
	switch {
	case status(err) == http.StatusForbidden:
		if _, _, err := api.Droplets.List(ctx, &godo.ListOptions{PerPage: 1}); err != nil {
			return out, api.explain(err, "droplet:read; a deployment needs "+scopes+" (control panel → API → the token's menu → Edit)")
		}
		return out, nil
	case status(err) == http.StatusUnauthorized:
		return out, fmt.Errorf("%w\nIt was deleted, has expired or was not copied whole: make a new one (control panel → API → Generate New Token) and set %s", api.explain(err, ""), tokenName)
	case err != nil:
		return out, api.explain(err, "account:read")
	}
	out.ID = a.Email
	if a.Team != nil && a.Team.Name != "" {
		out.ID = fmt.Sprintf("team %s (%s)", a.Team.Name, a.Email)
	}
	// The statuses are active, warning and locked: godo account.go and
	// https://docs.digitalocean.com/reference/api/reference/account/.
	switch {
	case a.Status == "locked":
		return out, fmt.Errorf("the DigitalOcean account %s is locked: %s\nWrite to DigitalOcean's support; nothing can be created until then", out.ID, a.StatusMessage)
	case !a.EmailVerified:
		return out, fmt.Errorf("the address %s of the DigitalOcean account is not verified, and nothing can be created until it is: follow the link in DigitalOcean's mail", a.Email)
	}
	return out, nil
}
