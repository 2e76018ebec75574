package plugin

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/vultr/govultr/v3"

	"skysail/internal/tfplugin"
)

func vultrGroupResource() *tfplugin.Resource[*vultrCloud] {
	return &tfplugin.Resource[*vultrCloud]{
		Defaults: map[string]any{"description": ""},
		Create:   createVultrGroup,
		Read:     readVultrGroup,
		Update: func(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
			if err := client.FirewallGroup.Update(ctx, d.ID(), &govultr.FirewallGroupReq{Description: d.String("description")}); err != nil {
				return fmt.Errorf("error updating firewall group %s : %w", d.ID(), client.words(err))
			}
			return readVultrGroup(ctx, client, d)
		},
		Delete: func(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
			if err := client.FirewallGroup.Delete(ctx, d.ID()); err != nil {
				return fmt.Errorf("error destroying firewall group %s: %w", d.ID(), client.words(err))
			}
			return nil
		},
	}
}

func createVultrGroup(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	group, _, err := client.FirewallGroup.Create(post, &govultr.FirewallGroupReq{Description: d.String("description")}) //nolint:bodyclose // govultr has read and closed it
	if err != nil {
		return fmt.Errorf("error creating firewall group: %w", client.words(err))
	}
	d.SetID(group.ID)
	return readVultrGroup(ctx, client, d)
}

func readVultrGroup(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
	group, _, err := client.FirewallGroup.Get(ctx, d.ID()) //nolint:bodyclose // govultr has read and closed it
	if client.missing(err) {
		d.Gone()
		return nil
	}
	if err != nil {
		return fmt.Errorf("error getting firewall group %s : %w", d.ID(), client.words(err))
	}
	d.Set("description", group.Description)
	d.Set("date_created", group.DateCreated)
	d.Set("date_modified", group.DateModified)
	return nil
}

func vultrRuleResource() *tfplugin.Resource[*vultrCloud] {
	return &tfplugin.Resource[*vultrCloud]{
		ForceNew: []string{"firewall_group_id", "ip_type", "protocol", "subnet", "subnet_size", "port", "notes", "source"},
		Defaults: map[string]any{"port": "", "notes": ""},
		StateFuncs: map[string]func(string) string{
			"subnet": canonicalIP,
		},
		Same: map[string]func(a, b string) bool{
			"subnet": func(a, b string) bool { return canonicalIP(a) == canonicalIP(b) },
		},
		Validate: validateVultrRule,
		Create:   createVultrRule,
		Read:     readVultrRule,
		Delete: func(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
			id, err := strconv.Atoi(d.ID())
			if err != nil {
				return fmt.Errorf("error converting firewall rule ID: %w", err)
			}
			if err := client.FirewallRule.Delete(ctx, d.String("firewall_group_id"), id); err != nil {
				return fmt.Errorf("error destroying firewall rule %s: %w", d.ID(), client.words(err))
			}
			return nil
		},
	}
}

func canonicalIP(s string) string {
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip.String()
	}
	return s
}

func validateVultrRule(c tfplugin.Object) error {
	for attribute, allowed := range map[string][]string{
		"ip_type":  {"v4", "v6"},
		"protocol": {"icmp", "tcp", "udp", "gre", "ah", "esp"},
	} {
		if c.IsKnown(attribute) && !slices.Contains(allowed, c.String(attribute)) {
			return &tfplugin.Problem{Summary: fmt.Sprintf("expected %s to be one of %q, got %s", attribute, allowed, c.String(attribute)), Attribute: attribute}
		}
	}
	if subnet := c.String("subnet"); c.IsKnown("subnet") {
		if _, err := netip.ParseAddr(subnet); err != nil {
			return &tfplugin.Problem{Summary: "expected subnet to contain a valid IP, got: " + subnet, Attribute: "subnet"}
		}
	}
	return nil
}

func createVultrRule(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	rule, _, err := client.FirewallRule.Create(post, d.String("firewall_group_id"), &govultr.FirewallRuleReq{ //nolint:bodyclose // govultr has read and closed it
		IPType:     d.String("ip_type"),
		Protocol:   d.String("protocol"),
		Subnet:     d.String("subnet"),
		SubnetSize: d.Int("subnet_size"),
		Port:       d.String("port"),
		Source:     d.String("source"),
		Notes:      d.String("notes"),
	})
	if err != nil {
		return fmt.Errorf("error creating firewall rule : %w", client.words(err))
	}
	d.SetID(strconv.Itoa(rule.ID))
	return readVultrRule(ctx, client, d)
}

func readVultrRule(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
	id, err := strconv.Atoi(d.ID())
	if err != nil {
		return fmt.Errorf("error converting firewall rule ID: %w", err)
	}
	group := d.String("firewall_group_id")
	rule, _, err := client.FirewallRule.Get(ctx, group, id) //nolint:bodyclose // govultr has read and closed it
	if client.missing(err, "Firewall rule ID not found") {
		d.Gone()
		return nil
	}
	if err != nil {
		return fmt.Errorf("error getting firewall rule %s: %w", group, client.words(err))
	}
	d.Set("ip_type", rule.IPType)
	d.Set("protocol", rule.Protocol)
	d.Set("subnet", rule.Subnet)
	d.Set("subnet_size", rule.SubnetSize)
	d.Set("notes", rule.Notes)
	d.Set("port", rule.Port)
	d.Set("source", rule.Source)
	return nil
}
