package aws

import (
	"context"
	"slices"

	"skysail/sandbox/world"
)

// changeRules changes the rules of the group that a call names.
func (s *server) changeRules(c *call, change func(st *world.State, g *group, f *world.Firewall) error) error {
	return s.World.Update(func(st *world.State) error {
		f, err := findGroup(st, c.region, c.params.get("GroupId"))
		if err != nil {
			return err
		}
		g := groupOf(f)
		if err := change(st, &g, f); err != nil {
			return err
		}
		f.ModifiedAt = s.World.Now()
		setGroup(f, g)
		resolveGroups(st)
		return nil
	})
}

func (s *server) authorize(egress bool) ec2Action {
	return func(_ context.Context, c *call) (x, error) {
		wanted, err := c.params.rules(egress)
		if err != nil {
			return nil, err
		}
		tags, out := c.params.tagsFor("security-group-rule"), xs{}
		err = s.changeRules(c, func(st *world.State, g *group, f *world.Firewall) error {
			for _, r := range wanted {
				if slices.ContainsFunc(g.Rules, r.same) {
					return badRequest("InvalidPermission.Duplicate", "the specified rule \"%s\" already exists", r.words())
				}
				if r.Group != "" {
					if _, err := findGroup(st, c.region, r.Group); err != nil {
						return err
					}
				}
				r.ID, r.Tags = newID("sgr"), tags
				g.Rules = append(g.Rules, r)
				out = append(out, r.view(c.region, f.ID))
			}
			return nil
		})
		return x{"return", true, "securityGroupRuleSet", out}, err
	}
}

func errRule(id string) error {
	return badRequest("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", id)
}

func (s *server) revoke(egress bool) ec2Action {
	return func(_ context.Context, c *call) (x, error) {
		ids := c.params.list("SecurityGroupRuleId")
		var wanted []rule
		if len(ids) == 0 {
			var err error
			if wanted, err = c.params.rules(egress); err != nil {
				return nil, err
			}
		}
		err := s.changeRules(c, func(_ *world.State, g *group, _ *world.Firewall) error {
			for _, id := range ids {
				i := slices.IndexFunc(g.Rules, func(r rule) bool { return r.ID == id && r.Egress == egress })
				if i < 0 {
					return errRule(id)
				}
				g.Rules = slices.Delete(g.Rules, i, i+1)
			}
			for _, w := range wanted {
				i := slices.IndexFunc(g.Rules, w.same)
				if i < 0 {
					return badRequest("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
				}
				g.Rules = slices.Delete(g.Rules, i, i+1)
			}
			return nil
		})
		return x{"return", true}, err
	}
}

func (s *server) modifyRules(_ context.Context, c *call) (x, error) {
	err := s.changeRules(c, func(_ *world.State, g *group, _ *world.Firewall) error {
		for _, u := range c.params.structs("SecurityGroupRule") {
			i := slices.IndexFunc(g.Rules, func(r rule) bool { return r.ID == u.get("SecurityGroupRuleId") })
			if i < 0 {
				return errRule(u.get("SecurityGroupRuleId"))
			}
			in := u.sub("SecurityGroupRule")
			r, err := in.protocol(g.Rules[i].Egress)
			if err != nil {
				return err
			}
			r.ID, r.Tags, r.Description = g.Rules[i].ID, g.Rules[i].Tags, in.get("Description")
			r.CIDR4, r.CIDR6, r.Group = in.get("CidrIpv4"), in.get("CidrIpv6"), in.get("ReferencedGroupId")
			if err := r.check(); err != nil {
				return err
			}
			g.Rules[i] = r
		}
		return nil
	})
	return x{"return", true}, err
}

func (s *server) describeRules(_ context.Context, c *call) (x, error) {
	st := s.World.State()
	ids, f := c.params.list("SecurityGroupRuleId"), c.params.filters()
	all, seen := xs{}, map[string]bool{}
	for _, fw := range st.FirewallsOf(provider) {
		g := groupOf(fw)
		if g.Region != c.region {
			continue
		}
		for _, r := range g.Rules {
			seen[r.ID] = true
			keep, err := f.match(withTags(map[string][]string{"group-id": {fw.ID}, "security-group-rule-id": {r.ID}}, r.Tags))
			if err != nil {
				return nil, err
			}
			if keep && (len(ids) == 0 || slices.Contains(ids, r.ID)) {
				all = append(all, r.view(c.region, fw.ID))
			}
		}
	}
	for _, id := range ids {
		if !seen[id] {
			return nil, errRule(id)
		}
	}
	out, next, apiErr := page(all, c.params.int("MaxResults"), 1000, c.params.get("NextToken"))
	if apiErr != nil {
		return nil, apiErr
	}
	return x{"securityGroupRuleSet", out, "nextToken", next}, nil
}
