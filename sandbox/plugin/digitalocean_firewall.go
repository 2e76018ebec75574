package plugin

import (
	"context"
	"fmt"

	"github.com/digitalocean/godo"

	"skysail/internal/tfplugin"
)

func doFirewallResource() *tfplugin.Resource[*godo.Client] {
	return &tfplugin.Resource[*godo.Client]{
		Validate: validateDOFirewall,
		Plan:     planDOFirewall,
		Create:   createDOFirewall,
		Read:     readDOFirewall,
		Update:   updateDOFirewall,
		Delete:   deleteDOFirewall,
	}
}

func validateDOFirewall(c tfplugin.Object) error {
	if err := notEmpty(c, "name"); err != nil {
		return err
	}
	for _, block := range []string{"inbound_rule", "outbound_rule"} {
		for _, rule := range c.Objects(block) {
			switch p := rule.String("protocol"); p {
			case "", "tcp", "udp", "icmp": // "" is not known yet
			default:
				return &tfplugin.Problem{Summary: fmt.Sprintf(`expected protocol to be one of ["tcp" "udp" "icmp"], got %s`, p), Attribute: block}
			}
		}
	}
	return validTags(c, "tags")
}

func planDOFirewall(p *tfplugin.Plan) error {
	if !p.IsKnown("inbound_rule") || !p.IsKnown("outbound_rule") {
		return nil
	}
	inbound, outbound := p.Objects("inbound_rule"), p.Objects("outbound_rule")
	if len(inbound)+len(outbound) == 0 {
		return &tfplugin.Problem{Summary: "At least one rule must be specified"}
	}
	for _, side := range []struct {
		name  string
		rules []tfplugin.Object
	}{{"inbound", inbound}, {"outbound", outbound}} {
		for _, rule := range side.rules {
			if rule.String("protocol") != "icmp" && rule.String("port_range") == "" {
				return &tfplugin.Problem{Summary: fmt.Sprintf("`port_range` of %s rules is required if protocol is `tcp` or `udp`", side.name)}
			}
		}
	}
	return nil
}

func createDOFirewall(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	fw, _, err := client.Firewalls.Create(post, firewallRequest(d))
	if err != nil {
		return worded(err, "Error creating firewall")
	}
	d.SetID(fw.ID)
	return readDOFirewall(ctx, client, d)
}

func readDOFirewall(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	fw, resp, err := client.Firewalls.Get(ctx, d.ID())
	if missing(resp) {
		d.Gone()
		return nil
	}
	if err != nil {
		return worded(err, "Error retrieving firewall")
	}
	pending := make([]map[string]any, 0, len(fw.PendingChanges))
	for _, c := range fw.PendingChanges {
		pending = append(pending, map[string]any{"droplet_id": c.DropletID, "removing": c.Removing, "status": c.Status})
	}
	d.Set("status", fw.Status)
	d.Set("created_at", fw.Created)
	d.Set("pending_changes", pending)
	d.Set("name", fw.Name)
	d.Set("droplet_ids", fw.DropletIDs)
	d.Set("tags", fw.Tags)
	d.Set("inbound_rule", inboundBlocks(fw.InboundRules))
	d.Set("outbound_rule", outboundBlocks(fw.OutboundRules))
	return nil
}

func updateDOFirewall(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	if _, _, err := client.Firewalls.Update(ctx, d.ID(), firewallRequest(d)); err != nil {
		return worded(err, "Error updating firewall")
	}
	return readDOFirewall(ctx, client, d)
}

func deleteDOFirewall(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	resp, err := client.Firewalls.Delete(ctx, d.ID())
	if err != nil && !missing(resp) {
		return worded(err, "Error deleting firewall")
	}
	return nil
}

func firewallRequest(d *tfplugin.Data) *godo.FirewallRequest {
	req := &godo.FirewallRequest{Name: d.String("name"), DropletIDs: d.Ints("droplet_ids"), Tags: d.Strings("tags")}
	for _, r := range d.Objects("inbound_rule") {
		req.InboundRules = append(req.InboundRules, godo.InboundRule{
			Protocol:  r.String("protocol"),
			PortRange: r.String("port_range"),
			Sources: &godo.Sources{
				Addresses:        r.Strings("source_addresses"),
				Tags:             r.Strings("source_tags"),
				DropletIDs:       r.Ints("source_droplet_ids"),
				LoadBalancerUIDs: r.Strings("source_load_balancer_uids"),
				KubernetesIDs:    r.Strings("source_kubernetes_ids"),
			},
		})
	}
	for _, r := range d.Objects("outbound_rule") {
		req.OutboundRules = append(req.OutboundRules, godo.OutboundRule{
			Protocol:  r.String("protocol"),
			PortRange: r.String("port_range"),
			Destinations: &godo.Destinations{
				Addresses:        r.Strings("destination_addresses"),
				Tags:             r.Strings("destination_tags"),
				DropletIDs:       r.Ints("destination_droplet_ids"),
				LoadBalancerUIDs: r.Strings("destination_load_balancer_uids"),
				KubernetesIDs:    r.Strings("destination_kubernetes_ids"),
			},
		})
	}
	return req
}

func inboundBlocks(rules []godo.InboundRule) []map[string]any {
	out := make([]map[string]any, 0, len(rules))
	for _, r := range rules {
		s := r.Sources
		if s == nil {
			s = &godo.Sources{}
		}
		out = append(out, ruleBlock("source", r.Protocol, r.PortRange, s.Addresses, s.Tags, s.DropletIDs, s.LoadBalancerUIDs, s.KubernetesIDs))
	}
	return out
}

func outboundBlocks(rules []godo.OutboundRule) []map[string]any {
	out := make([]map[string]any, 0, len(rules))
	for _, r := range rules {
		t := r.Destinations
		if t == nil {
			t = &godo.Destinations{}
		}
		out = append(out, ruleBlock("destination", r.Protocol, r.PortRange, t.Addresses, t.Tags, t.DropletIDs, t.LoadBalancerUIDs, t.KubernetesIDs))
	}
	return out
}

func ruleBlock(side, protocol, ports string, addresses, tags []string, droplets []int, balancers, clusters []string) map[string]any {
	b := map[string]any{
		"protocol":                   protocol,
		side + "_addresses":          addresses,
		side + "_tags":               tags,
		side + "_droplet_ids":        droplets,
		side + "_load_balancer_uids": balancers,
		side + "_kubernetes_ids":     clusters,
	}
	// The API writes 0 for "all ports", and for no ports at all with icmp.
	switch {
	case ports != "0":
		b["port_range"] = ports
	case protocol != "icmp":
		b["port_range"] = "all"
	}
	return b
}
