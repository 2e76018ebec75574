package plugin

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vultr/govultr/v3"

	"skysail/internal/tfplugin"
)

// vultrTimeout is the real provider's default for each of the timeouts, and
// how long each of its waits takes at most.
const vultrTimeout = time.Hour

func vultrInstanceResource() *tfplugin.Resource[*vultrCloud] {
	const noVPC = "The simulated Vultr has no VPCs."
	return &tfplugin.Resource[*vultrCloud]{
		ForceNew: []string{
			"region", "app_id", "image_id", "os_id", "script_id", "ipxe_chain_url", "disable_public_ipv4", "vpc_only",
			"ssh_key_ids", "snapshot_id", "user_data", "hostname", "reserved_ip_id", "user_scheme", "app_variables", "block_devices",
		},
		Defaults: map[string]any{"iso_id": "", "ddos_protection": false, "backups": "disabled", "user_scheme": "root"},
		Refused: map[string]string{
			"backups":          "The simulated Vultr makes no backups.",
			"backups_schedule": "The simulated Vultr makes no backups.",
			"iso_id":           "The simulated Vultr has no ISO images.",
			"ipxe_chain_url":   "The simulated Vultr does not boot over the network.",
			"reserved_ip_id":   "The simulated Vultr has no reserved addresses.",
			"app_variables":    "The simulated Vultr has no marketplace applications.",
			"block_devices":    "The simulated Vultr has no block storage.",
			"vpc_ids":          noVPC,
			"vpc2_ids":         noVPC,
			"vpc_only":         noVPC,
			"id":               "The API chooses the ID.",
		},
		Same:     map[string]func(a, b string) bool{"region": strings.EqualFold},
		Validate: func(c tfplugin.Object) error { return notEmpty(c, "plan") },
		Create:   createVultrInstance,
		Read:     readVultrInstance,
		Update:   updateVultrInstance,
		Delete: func(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
			if err := client.Instance.Delete(ctx, d.ID()); err != nil {
				return fmt.Errorf("error destroying instance %s : %w", d.ID(), client.words(err))
			}
			return nil
		},
	}
}

func createVultrInstance(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
	req, err := vultrInstanceRequest(d)
	if err != nil {
		return err
	}
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	instance, _, err := client.Instance.Create(post, req) //nolint:bodyclose // govultr has read and closed it
	if err != nil {
		return fmt.Errorf("error creating server: %w", client.words(err))
	}
	d.SetID(instance.ID)
	d.Set("default_password", instance.DefaultPassword)
	err = waitForVultr(ctx, client, d, "active", []string{"pending", "installing"}, func(i *govultr.Instance) string { return i.Status })
	if err != nil {
		return fmt.Errorf("error while waiting for Server %s to be completed: %w", d.ID(), err)
	}
	err = waitForVultr(ctx, client, d, "running", []string{"stopped"}, func(i *govultr.Instance) string { return i.PowerStatus })
	if err != nil {
		return fmt.Errorf("error while waiting for Server %s to be in a active state : %w", d.ID(), err)
	}
	return readVultrInstance(ctx, client, d)
}

func vultrInstanceRequest(d *tfplugin.Data) (*govultr.InstanceCreateReq, error) {
	req := &govultr.InstanceCreateReq{
		Region:            d.String("region"),
		Plan:              d.String("plan"),
		Label:             d.String("label"),
		Hostname:          d.String("hostname"),
		Tags:              d.Strings("tags"),
		FirewallGroupID:   d.String("firewall_group_id"),
		ScriptID:          d.String("script_id"),
		SSHKeys:           d.Strings("ssh_key_ids"),
		Backups:           d.String("backups"),
		UserScheme:        d.String("user_scheme"),
		UserData:          base64.StdEncoding.EncodeToString([]byte(d.String("user_data"))),
		EnableIPv6:        govultr.BoolToBoolPtr(d.Bool("enable_ipv6")),
		DisablePublicIPv4: govultr.BoolToBoolPtr(d.Bool("disable_public_ipv4")),
		ActivationEmail:   govultr.BoolToBoolPtr(d.Bool("activation_email")),
		DDOSProtection:    govultr.BoolToBoolPtr(d.Bool("ddos_protection")),
		VPCOnly:           govultr.BoolToBoolPtr(false),
	}
	var chosen []string
	for _, option := range []string{"app_id", "image_id", "snapshot_id", "os_id"} {
		if d.Config.String(option) != "" || d.Config.Int(option) != 0 {
			chosen = append(chosen, option)
		}
	}
	switch {
	case len(chosen) == 0:
		return nil, errors.New("error occurred while getting your intended os type")
	case len(chosen) > 1 && chosen[len(chosen)-1] == "os_id":
		return nil, &tfplugin.Problem{Summary: fmt.Sprintf("Please do not set %s with os_id", chosen[0])}
	case len(chosen) > 1:
		return nil, fmt.Errorf("too many options have been selected : %v : please select one", chosen)
	}
	switch chosen[0] {
	case "os_id":
		req.OsID = d.Int("os_id")
	case "app_id":
		req.AppID = d.Int("app_id")
	case "image_id":
		req.ImageID = d.String("image_id")
	case "snapshot_id":
		req.SnapshotID = d.String("snapshot_id")
	}
	return req, nil
}

func waitForVultr(ctx context.Context, client *vultrCloud, d *tfplugin.Data, target string, pending []string, of func(*govultr.Instance) string) error {
	return waitFor(ctx, target, pending, vultrTimeout, func(ctx context.Context) (string, error) {
		instance, _, err := client.Instance.Get(ctx, d.ID()) //nolint:bodyclose // govultr has read and closed it
		if err != nil {
			return "", fmt.Errorf("error retrieving Server %s : %w", d.ID(), client.words(err))
		}
		return of(instance), nil
	})
}

func readVultrInstance(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
	instance, _, err := client.Instance.Get(ctx, d.ID()) //nolint:bodyclose // govultr has read and closed it
	if client.missing(err, "instance not found") {
		d.Gone()
		return nil
	}
	if err != nil {
		return fmt.Errorf("error getting instance (%s): %w", d.ID(), client.words(err))
	}
	for name, v := range map[string]any{
		"os":                instance.Os,
		"ram":               instance.RAM,
		"disk":              instance.Disk,
		"main_ip":           instance.MainIP,
		"vcpu_count":        instance.VCPUCount,
		"date_created":      instance.DateCreated,
		"status":            instance.Status,
		"allowed_bandwidth": instance.AllowedBandwidth,
		"netmask_v4":        instance.NetmaskV4,
		"gateway_v4":        instance.GatewayV4,
		"power_status":      instance.PowerStatus,
		"server_status":     instance.ServerStatus,
		"internal_ip":       instance.InternalIP,
		"kvm":               instance.KVM,
		"v6_network":        instance.V6Network,
		"v6_main_ip":        instance.V6MainIP,
		"v6_network_size":   instance.V6NetworkSize,
		"tags":              instance.Tags,
		"firewall_group_id": instance.FirewallGroupID,
		"region":            instance.Region,
		"plan":              instance.Plan,
		"os_id":             instance.OsID,
		"app_id":            instance.AppID,
		"image_id":          instance.ImageID,
		"snapshot_id":       instance.SnapshotID,
		"features":          append([]string{}, instance.Features...),
		"hostname":          instance.Hostname,
		"label":             instance.Label,
		"user_scheme":       instance.UserScheme,
		"vpc_only":          instance.VPCOnly,
	} {
		d.Set(name, v)
	}
	return nil
}

func updateVultrInstance(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
	req := &govultr.InstanceUpdateReq{
		Label:           d.String("label"),
		FirewallGroupID: d.String("firewall_group_id"),
		EnableIPv6:      govultr.BoolToBoolPtr(d.Bool("enable_ipv6")),
		// Left out, the tags would stay; empty, they go.
		Tags: append([]string{}, d.Strings("tags")...),
	}
	plan, planChanged := d.String("plan"), d.Changed("plan")
	if planChanged {
		req.Plan = plan
	}
	if d.Changed("ddos_protection") {
		req.DDOSProtection = govultr.BoolToBoolPtr(d.Bool("ddos_protection"))
	}
	if _, _, err := client.Instance.Update(ctx, d.ID(), req); err != nil { //nolint:bodyclose // govultr has read and closed it
		return fmt.Errorf("error updating instance %s : %w", d.ID(), client.words(err))
	}
	if planChanged {
		err := waitForVultr(ctx, client, d, plan, []string{d.Prior.String("plan")}, func(i *govultr.Instance) string { return i.Plan })
		if err != nil {
			return fmt.Errorf("error while waiting for instance %s to have updated plan : %w", d.ID(), err)
		}
	}
	return readVultrInstance(ctx, client, d)
}
