package kubernetes

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// JoinNamespace is EnsureNamespace where create is set; else the namespace has
// to be there, and the error says that it is not. It is idempotent.
func (c *Cloud) JoinNamespace(ctx context.Context, id string, create bool) (made bool, err error) {
	if !create {
		api, err := c.connect()
		if err != nil {
			return false, err
		}
		defer api.close()
		if _, err := api.namespace(ctx, c.namespace); apierrors.IsNotFound(err) {
			return false, &Error{
				Context: c.context, Doing: "using namespace " + c.namespace, Err: err,
				Next: fmt.Sprintf("make it, say create_namespace = true in the policy's kubernetes block, or name another there; `kubectl --context %s get namespaces` lists them", c.context),
			}
		} else if err != nil && !apierrors.IsForbidden(err) {
			return false, api.explain(err, "looking at namespace %s", c.namespace)
		}
	}
	return c.EnsureNamespace(ctx, id)
}
