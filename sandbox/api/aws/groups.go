package aws

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"skysail/internal/lazyregexp"
	"skysail/sandbox/world"
)

// group is a security group in EC2's own form; the world's rules follow it.
type group struct {
	tagged
	Region      string `json:"region"`
	Description string `json:"description"`
	Rules       []rule `json:"rules"`
}

func groupOf(f *world.Firewall) group {
	var g group
	_ = json.Unmarshal(f.Detail, &g) // written by setGroup
	return g
}

// setGroup writes the group and what of it guards servers.
func setGroup(f *world.Firewall, g group) {
	f.Detail, _ = json.Marshal(g) // strings and numbers only: cannot fail
	f.Inbound = []world.Rule{}
	for _, r := range g.Rules {
		if !r.Egress {
			f.Inbound = append(f.Inbound, r.world()...)
		}
	}
}

// resolveGroups notes in rules that name a group which servers are in it now.
func resolveGroups(st *world.State) {
	for _, f := range st.FirewallsOf(provider) {
		g := groupOf(f)
		setGroup(f, g)
		for i := range f.Inbound {
			var from string
			_ = json.Unmarshal(f.Inbound[i].Detail, &from) // written by rule.world
			if other := st.Firewall(provider, from); other != nil {
				f.Inbound[i].SourceServers = slices.Clone(other.ServerIDs)
			}
		}
	}
}

var groupID = lazyregexp.New(`^sg-[0-9a-f]{8,17}$`)

func findGroup(st *world.State, region, id string) (*world.Firewall, error) {
	if !groupID.MatchString(id) {
		return nil, badRequest("InvalidGroupId.Malformed", "Invalid id: \"%s\"", id)
	}
	f := st.Firewall(provider, id)
	if f == nil || groupOf(f).Region != region {
		return nil, badRequest("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
	}
	return f, nil
}

// groupsOf are the groups that a server is in.
func groupsOf(st *world.State, s *world.Server) []*world.Firewall {
	var out []*world.Firewall
	for _, f := range st.FirewallsOf(provider) {
		if slices.Contains(f.ServerIDs, s.ID) {
			out = append(out, f)
		}
	}
	return out
}

// setGroups puts a server into these groups and no other.
func setGroups(st *world.State, s *world.Server, region string, ids []string) error {
	if len(ids) == 0 {
		// A server in no group would be open to everybody, and a default
		// group is one more thing that nobody made and everybody shares.
		return badRequest("MissingParameter", "the skysail sandbox has no default security group: name the instance's groups")
	}
	var in []*world.Firewall
	for _, id := range ids {
		f, err := findGroup(st, region, id)
		if err != nil {
			return err
		}
		in = append(in, f)
	}
	for _, f := range st.FirewallsOf(provider) {
		f.ServerIDs = slices.DeleteFunc(f.ServerIDs, func(id string) bool { return id == s.ID })
		if slices.Contains(in, f) {
			f.ServerIDs = append(f.ServerIDs, s.ID)
		}
	}
	resolveGroups(st)
	return nil
}

func (s *server) createGroup(_ context.Context, c *call) (x, error) {
	name, description := c.params.get("GroupName"), c.params.get("GroupDescription")
	switch vpc := c.params.get("VpcId"); {
	case name == "":
		return nil, missing("groupName")
	case description == "":
		return nil, missing("groupDescription")
	case strings.HasPrefix(name, "sg-"):
		return nil, invalidValue("Group names may not be in the format sg-*.")
	case vpc != "" && vpc != vpcID(c.region):
		return nil, notFound("InvalidVpcID.NotFound", "vpc ID", vpc)
	}
	var made *world.Firewall
	var g group
	err := s.World.Update(func(st *world.State) error {
		for _, f := range st.FirewallsOf(provider) {
			if f.Name == name && groupOf(f).Region == c.region {
				return badRequest("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, vpcID(c.region))
			}
		}
		now := s.World.Now()
		made = &world.Firewall{Provider: provider, ID: newID("sg"), Seq: st.NextSeq(), Name: name, CreatedAt: now, ModifiedAt: now}
		g = group{
			tagged: tagged{c.params.tagsFor("security-group")}, Region: c.region, Description: description,
			// As AWS gives every group; Terraform's provider takes it away.
			Rules: []rule{{ID: newID("sgr"), Egress: true, Protocol: "-1", From: -1, To: -1, CIDR4: "0.0.0.0/0"}},
		}
		setGroup(made, g)
		st.Firewalls = append(st.Firewalls, made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return x{"return", true, "groupId", made.ID, "securityGroupArn", arn(c.region, "security-group/"+made.ID), "tagSet", tagSet(g.Tags)}, nil
}

func (s *server) describeGroups(_ context.Context, c *call) (x, error) {
	st := s.World.State()
	ids, names, f := c.params.list("GroupId"), c.params.list("GroupName"), c.params.filters()
	for _, id := range ids {
		if _, err := findGroup(st, c.region, id); err != nil {
			return nil, err
		}
	}
	all := xs{}
	for _, fw := range st.FirewallsOf(provider) {
		g := groupOf(fw)
		if g.Region != c.region || (len(ids) > 0 && !slices.Contains(ids, fw.ID)) || (len(names) > 0 && !slices.Contains(names, fw.Name)) {
			continue
		}
		keep, err := f.match(withTags(map[string][]string{
			"group-id": {fw.ID}, "group-name": {fw.Name}, "vpc-id": {vpcID(c.region)}, "description": {g.Description}, "owner-id": {Account},
		}, g.Tags))
		if err != nil {
			return nil, err
		}
		if keep {
			all = append(all, x{
				"ownerId", Account, "groupId", fw.ID, "groupName", fw.Name, "groupDescription", g.Description, "vpcId", vpcID(c.region),
				"securityGroupArn", arn(c.region, "security-group/"+fw.ID), "ipPermissions", permissions(g.Rules, false),
				"ipPermissionsEgress", permissions(g.Rules, true), "tagSet", tagSet(g.Tags),
			})
		}
	}
	out, next, apiErr := page(all, c.params.int("MaxResults"), 1000, c.params.get("NextToken"))
	if apiErr != nil {
		return nil, apiErr
	}
	return x{"securityGroupInfo", out, "nextToken", next}, nil
}

func (s *server) deleteGroup(_ context.Context, c *call) (x, error) {
	id := c.params.get("GroupId")
	if id == "" {
		return nil, missing("groupId")
	}
	err := s.World.Update(func(st *world.State) error {
		f, err := findGroup(st, c.region, id)
		if err != nil {
			return err
		}
		used := len(f.ServerIDs) > 0
		for _, other := range st.FirewallsOf(provider) {
			used = used || (other != f && slices.ContainsFunc(groupOf(other).Rules, func(r rule) bool { return r.Group == id }))
		}
		if used {
			return badRequest("DependencyViolation", "resource %s has a dependent object", id)
		}
		st.RemoveFirewall(provider, id)
		return nil
	})
	return x{"return", true, "groupId", id}, err
}
