package deploy

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"skysail/internal/failure"
	"skysail/policies"
	"skysail/qos/sshclient"
	"skysail/store"
)

// route is the way that a policy has SSH connections go.
func route(a policies.Access) sshclient.Route {
	r := sshclient.Route{SOCKS5: a.SOCKS5}
	for _, j := range a.Jumps {
		if rest, ok := strings.CutPrefix(j.KeyFile, "~/"); ok {
			if home, err := os.UserHomeDir(); err == nil {
				j.KeyFile = filepath.Join(home, rest)
			}
		}
		r.Jumps = append(r.Jumps, sshclient.Jump{Addr: j.Addr, User: j.User, HostKey: j.HostKey, KeyFile: j.KeyFile})
	}
	return r
}

// checkRoute logs in at the jump hosts before anything is made for an attempt:
// what no instance can be reached without would fail at every provider, each
// time after its machines were made.
func checkRoute(ctx context.Context, dep *store.Deployment, provider string) error {
	if dep.Sandbox || provider == policies.Local || provider == policies.Kubernetes {
		return nil
	}
	err := route(dep.Policy.Access).Check(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}
	f := &failure.Error{Code: failure.Failed, Cause: "access of the policy: " + err.Error(), Meaning: "Nothing was made: no machine could be reached.", Err: err}
	var why *failure.Error
	if errors.As(err, &why) {
		f.Cause, f.Next = "access of the policy: "+why.Cause, why.Next
	}
	return f
}
