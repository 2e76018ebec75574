package vultr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vultr/govultr/v3"

	"skysail/clouds"
)

// needed are the permissions of a Vultr user without which a deployment
// fails: https://www.vultr.com/api/ lists them under "Create User".
var needed = []string{"provisioning", "subscriptions", "firewall"}

var errNoAccount = errors.New("vultr: the answer names no account")

// checkPause is how soon a check that could not connect is repeated: somebody
// waits for it, and wants the cause rather than a deadline.
const checkPause = 200 * time.Millisecond

// Account says where the key was found.
func (c *Cloud) Account() (clouds.Account, error) {
	k, err := c.key()
	if err != nil {
		return clouds.Account{}, err
	}
	return clouds.Account{Source: clouds.Where(k.source)}, nil
}

// Check asks for the account of the key and looks at its permissions.
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
	var a *govultr.Account
	err = call(ctx, func(ctx context.Context) error {
		var err error
		a, _, err = api.Account.Get(ctx) //nolint:bodyclose // the SDK has read and closed it
		return err
	})
	if err != nil {
		return out, api.explain(err)
	}
	if a == nil {
		return out, errNoAccount
	}
	out.ID = a.Email
	if a.Name != "" {
		out.ID = fmt.Sprintf("%s (%s)", a.Name, a.Email)
	}
	var missing []string
	for _, acl := range needed {
		if len(a.ACL) > 0 && !slices.Contains(a.ACL, acl) {
			missing = append(missing, acl)
		}
	}
	if len(missing) > 0 {
		return out, fmt.Errorf("the key of %s lacks the permissions %s: let the account's owner add them (console → Account → Users → %s)",
			api.key.source, strings.Join(missing, ", "), a.Email)
	}
	return out, nil
}
