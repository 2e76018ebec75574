package deploy

import (
	"context"
	"errors"
	"fmt"

	"skysail/clouds/kubernetes"
	"skysail/policies"
	"skysail/selector"
)

// clusters tries every kubeconfig context that the policy names, with one call
// to each. A cluster that nobody set up is no failure; one that is set up and
// does not let us in is.
func (doc *doctor) clusters(ctx context.Context) []Check {
	var out []Check
	for _, name := range selector.Contexts(&doc.d.policy) {
		out = append(out, doc.cluster(ctx, name))
	}
	return out
}

func (doc *doctor) cluster(ctx context.Context, name string) Check {
	check := Check{Group: GroupClouds, Name: policies.Kubernetes + " " + name}
	if doc.d.opts.Sandbox && doc.env.Get("KUBECONFIG") == "" {
		check.State, check.Detail, check.Fix = CheckAbsent, "the sandbox has no cluster", "`skysail sandbox up --kubernetes` starts one."
		return check
	}
	c, err := kubernetes.New(doc.env, name, doc.d.policy.Kubernetes.Namespace)
	if err == nil {
		err = c.Credentials()
	}
	if err != nil {
		check.State = CheckAbsent
		check.Detail, check.Fix = missing(err)
		if errors.Is(err, kubernetes.ErrBroken) {
			check.State = CheckFailed
		}
		return check
	}
	defer c.Close()
	account, err := c.Check(ctx)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("no answer within %s\nSee whether its network is reached from here, such as by a VPN", doctorTimeout)
		}
		out := failedCheck(GroupClouds, check.Name, err)
		out.Detail = redact(out.Detail, c)
		return out
	}
	check.State, check.Detail = CheckOK, account.ID
	if account.Source != "" {
		check.Detail += ", credentials from " + account.Source
	}
	return check
}
