package aws

import "context"

func (s *server) serveSTS(_ context.Context, c *call) (any, error) {
	if name := c.params.get("Action"); name != "GetCallerIdentity" {
		return nil, unsimulated("the STS action " + name)
	}
	return x{"Arn", "arn:aws:iam::" + Account + ":user/skysail-sandbox", "UserId", fixedID("AIDA", Account), "Account", Account}, nil
}
