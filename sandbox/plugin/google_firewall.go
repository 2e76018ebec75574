package plugin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"google.golang.org/api/compute/v1"

	"skysail/internal/tfplugin"
)

func googleFirewallResource(settings *googleSettings) *tfplugin.Resource[*googleCloud] {
	const none = "The simulated Google Cloud has nothing for it."
	return &tfplugin.Resource[*googleCloud]{
		ForceNew: []string{"name", "project", "direction"},
		Defaults: map[string]any{"priority": 1000},
		Refused: map[string]string{
			"id": "The API chooses the ID.", "enable_logging": none, "log_config": none, "params": none,
			"source_service_accounts": none, "target_service_accounts": none,
		},
		Same:     map[string]func(a, b string) bool{"network": sameLink},
		Validate: validGoogleFirewall,
		Plan: func(p *tfplugin.Plan) error {
			settings.planDefaults(p, "project", "deletion_policy")
			return nil
		},
		Create: createGoogleFirewall,
		Read:   readGoogleFirewall,
		Update: updateGoogleFirewall,
		Delete: deleteGoogleFirewall,
	}
}

func validGoogleFirewall(c tfplugin.Object) error {
	if err := validGoogleName(c); err != nil {
		return err
	}
	allow, deny := c.Value("allow"), c.Value("deny")
	switch {
	case !allow.IsKnown() || !deny.IsKnown():
	case allow.LengthInt() == 0 && deny.LengthInt() == 0:
		return &tfplugin.Problem{Summary: "Invalid combination of arguments", Detail: `"allow": one of ` + "`allow,deny` must be specified"}
	case allow.LengthInt() > 0 && deny.LengthInt() > 0:
		return &tfplugin.Problem{Summary: "Invalid combination of arguments", Detail: `"allow": only one of ` + "`allow,deny` can be specified, but `allow,deny` were specified."}
	}
	if c.String("direction") != "EGRESS" && !c.IsSet("source_ranges") && !c.IsSet("source_tags") {
		return fmt.Errorf("one of source_tags, source_ranges, or source_service_accounts must be defined")
	}
	return nil
}

func googleFirewall(d *tfplugin.Data, project string) *compute.Firewall {
	f := &compute.Firewall{
		Name: d.String("name"), Description: d.String("description"), Direction: d.String("direction"), Disabled: d.Bool("disabled"),
		Priority: int64(d.Int("priority")), SourceRanges: sortedStrings(d.Strings("source_ranges")), SourceTags: sortedStrings(d.Strings("source_tags")),
		TargetTags: sortedStrings(d.Strings("target_tags")), DestinationRanges: sortedStrings(d.Strings("destination_ranges")),
		Network:         relativeLink(d.String("network")),
		LogConfig:       &compute.FirewallLogConfig{ForceSendFields: []string{"Enable"}},
		ForceSendFields: []string{"Description", "Disabled", "Priority"},
	}
	if !strings.Contains(f.Network, "/") {
		f.Network = fmt.Sprintf("projects/%s/global/networks/%s", project, f.Network)
	}
	for _, a := range d.Objects("allow") {
		f.Allowed = append(f.Allowed, &compute.FirewallAllowed{IPProtocol: a.String("protocol"), Ports: a.Strings("ports")})
	}
	for _, a := range d.Objects("deny") {
		f.Denied = append(f.Denied, &compute.FirewallDenied{IPProtocol: a.String("protocol"), Ports: a.Strings("ports")})
	}
	return f
}

func sortedStrings(s []string) []string { slices.Sort(s); return s }

func createGoogleFirewall(ctx context.Context, c *googleCloud, d *tfplugin.Data) error {
	project, err := c.projectOf(d)
	if err != nil {
		return err
	}
	f := googleFirewall(d, project)
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	op, err := c.Firewalls.Insert(project, f).Context(post).Do()
	if err != nil {
		return worded(err, "Error creating Firewall")
	}
	if err := c.wait(ctx, op, project, "Creating Firewall", d.Timeout("create", googleTimeout)); err != nil {
		return worded(err, "Error waiting to create Firewall")
	}
	d.SetID(fmt.Sprintf("projects/%s/global/firewalls/%s", project, f.Name))
	d.Set("project", project)
	return readGoogleFirewall(ctx, c, d)
}

func readGoogleFirewall(ctx context.Context, c *googleCloud, d *tfplugin.Data) error {
	f, err := c.Firewalls.Get(projectOfLink(d.ID()), linkName(d.ID())).Context(ctx).Do()
	if googleMissing(err) {
		d.Gone()
		return nil
	}
	if err != nil {
		return worded(err, "Error when reading or editing ComputeFirewall %q", d.ID())
	}
	for name, v := range map[string]any{
		"creation_timestamp": f.CreationTimestamp, "description": f.Description, "direction": f.Direction, "disabled": f.Disabled,
		"name": f.Name, "network": f.Network, "priority": int(f.Priority), "self_link": f.SelfLink,
		"source_ranges": append([]string{}, f.SourceRanges...), "source_tags": append([]string{}, f.SourceTags...),
		"target_tags": append([]string{}, f.TargetTags...), "destination_ranges": append([]string{}, f.DestinationRanges...),
	} {
		d.Set(name, v)
	}
	if !d.IsSet("deletion_policy") {
		d.Set("deletion_policy", c.deletion)
	}
	allow, deny := map[string][]string{}, map[string][]string{}
	for _, a := range f.Allowed {
		allow[a.IPProtocol] = append(allow[a.IPProtocol], a.Ports...)
	}
	for _, a := range f.Denied {
		deny[a.IPProtocol] = append(deny[a.IPProtocol], a.Ports...)
	}
	setGoogleRules(d, "allow", allow)
	setGoogleRules(d, "deny", deny)
	return nil
}

// setGoogleRules puts rules into the state unless it has the same, in another
// spelling or in several blocks.
func setGoogleRules(d *tfplugin.Data, block string, rules map[string][]string) {
	have := map[string][]string{}
	for _, b := range d.Objects(block) {
		p := strings.ToLower(b.String("protocol"))
		have[p] = append(have[p], b.Strings("ports")...)
	}
	if maps.EqualFunc(have, rules, func(a, b []string) bool { return slices.Equal(sortedStrings(a), sortedStrings(b)) }) {
		return
	}
	ty := d.Value(block).Type().ElementType()
	var out []cty.Value
	for p, ports := range rules {
		list := cty.ListValEmpty(cty.String)
		if len(ports) > 0 {
			var vs []cty.Value
			for _, port := range ports {
				vs = append(vs, cty.StringVal(port))
			}
			list = cty.ListVal(vs)
		}
		out = append(out, cty.ObjectVal(map[string]cty.Value{"protocol": cty.StringVal(p), "ports": list}))
	}
	if len(out) == 0 {
		d.Set(block, cty.SetValEmpty(ty))
		return
	}
	d.Set(block, cty.SetVal(out))
}

func updateGoogleFirewall(ctx context.Context, c *googleCloud, d *tfplugin.Data) error {
	project := projectOfLink(d.ID())
	f := googleFirewall(d, project)
	f.ForceSendFields = append(f.ForceSendFields, "SourceRanges", "SourceTags", "TargetTags", "Allowed", "Denied")
	op, err := c.Firewalls.Patch(project, linkName(d.ID()), f).Context(ctx).Do()
	if err != nil {
		return worded(err, "Error updating Firewall %q", d.ID())
	}
	if err := c.wait(ctx, op, project, "Updating Firewall", d.Timeout("update", googleTimeout)); err != nil {
		return err
	}
	return readGoogleFirewall(ctx, c, d)
}

func deleteGoogleFirewall(ctx context.Context, c *googleCloud, d *tfplugin.Data) error {
	if skip, err := googleDeletion(d, "ComputeFirewall"); err != nil || skip {
		return err
	}
	project := projectOfLink(d.ID())
	op, err := c.Firewalls.Delete(project, linkName(d.ID())).Context(ctx).Do()
	if googleMissing(err) {
		return nil
	}
	if err != nil {
		return worded(err, "Error when reading or editing Firewall")
	}
	return c.wait(ctx, op, project, "Deleting Firewall", d.Timeout("delete", googleTimeout))
}
