package aws

import "context"

func (s *server) serveSSM(_ context.Context, c *call) (any, error) {
	var in struct {
		Name  string
		Names []string
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	switch c.operation() {
	case "GetParameter":
		p := parameter(c.region, in.Name)
		if p == nil {
			return nil, badRequest("ParameterNotFound", "")
		}
		return map[string]any{"Parameter": p}, nil
	case "GetParameters":
		found, unknown := []any{}, []string{}
		for _, n := range in.Names {
			if p := parameter(c.region, n); p != nil {
				found = append(found, p)
			} else {
				unknown = append(unknown, n)
			}
		}
		return map[string]any{"Parameters": found, "InvalidParameters": unknown}, nil
	}
	return nil, unsimulated("the SSM operation " + c.operation())
}

// parameter is a public parameter, of which there are those that name images.
func parameter(region, name string) map[string]any {
	for _, i := range images() {
		if i.parameter == name {
			return map[string]any{
				"Name": name, "Type": "String", "Value": i.id(region), "Version": 1, "LastModifiedDate": 1767225600.0,
				"ARN": "arn:aws:ssm:" + region + "::parameter" + name, "DataType": "aws:ec2:image",
			}
		}
	}
	return nil
}
