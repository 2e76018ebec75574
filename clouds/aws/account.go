package aws

import (
	"context"
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"skysail/clouds"
)

// Account says where the credentials were found, without a call.
func (c *Cloud) Account() (clouds.Account, error) {
	f, err := c.find()
	return clouds.Account{Source: f.source}, err
}

// Check asks whose the credentials are. The call is free, needs no
// permission, and may be repeated.
func (c *Cloud) Check(ctx context.Context) (clouds.Account, error) {
	api, err := c.connect(ctx)
	if err != nil {
		return clouds.Account{}, err
	}
	defer api.close()
	var out *sts.GetCallerIdentityOutput
	err = call(ctx, func(ctx context.Context) error {
		var err error
		out, err = api.sts().GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		return err
	})
	if err != nil {
		return clouds.Account{}, api.explain(err)
	}
	return clouds.Account{
		Source: api.found.source,
		ID:     fmt.Sprintf("%s (%s)", sdk.ToString(out.Account), sdk.ToString(out.Arn)),
	}, nil
}
