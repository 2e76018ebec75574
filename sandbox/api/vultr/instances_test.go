//nolint:bodyclose // govultr has read and closed the bodies of the responses it returns
package vultr

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vultr/govultr/v3"
)

func TestAnInstanceLives(t *testing.T) {
	c := newCloud(t)
	key, _, err := c.SSHKey.Create(t.Context(), &govultr.SSHKeyReq{Name: "k", SSHKey: publicKey(t, 0)})
	check(t, err)
	group, _, err := c.FirewallGroup.Create(t.Context(), &govultr.FirewallGroupReq{Description: "g"})
	check(t, err)
	made, res, err := c.Instance.Create(t.Context(), create("web-1", func(r *govultr.InstanceCreateReq) {
		r.Tags = []string{"skysail", "a", "skysail-deployment:d1"}
		r.SSHKeys, r.FirewallGroupID = []string{key.ID}, group.ID
		r.UserData = base64.StdEncoding.EncodeToString([]byte("#cloud-config\n{}"))
		r.Backups = "disabled"
	}))
	check(t, err)
	if res.StatusCode != http.StatusAccepted || made.Status != "pending" || made.PowerStatus != "running" || made.ServerStatus != "none" {
		t.Errorf("create answers %d with %s, %s, %s", res.StatusCode, made.Status, made.PowerStatus, made.ServerStatus)
	}
	if made.MainIP != "0.0.0.0" || made.DefaultPassword == "" {
		t.Errorf("a new instance has the address %s and the password %q", made.MainIP, made.DefaultPassword)
	}

	i := c.await(made.ID, "active", "running", "ok")
	if !strings.HasPrefix(i.MainIP, "127.77.") || i.DefaultPassword != "" {
		t.Errorf("address %s, password %q", i.MainIP, i.DefaultPassword)
	}
	if i.Region != "ewr" || i.Plan != "vc2-1c-1gb" || i.OsID != 2284 || i.Os != "Ubuntu 24.04 LTS x64" || i.RAM != 1024 || i.VCPUCount != 1 ||
		i.Label != "web-1" || i.Hostname != "web-1" || i.UserScheme != "root" || i.FirewallGroupID != group.ID {
		t.Errorf("instance: %+v", i)
	}
	if !slices.Equal(i.Tags, []string{"a", "skysail", "skysail-deployment:d1"}) {
		t.Errorf("tags %v, want them sorted", i.Tags)
	}
	s := c.world.State().Server(provider, i.ID)
	if s.UserData != "#cloud-config\n{}" || !slices.Equal(s.KeyIDs, []string{key.ID}) {
		t.Errorf("the machine gets user data %q and keys %v", s.UserData, s.KeyIDs)
	}
	data, _, err := c.Instance.GetUserData(t.Context(), i.ID)
	check(t, err)
	if data.Data != base64.StdEncoding.EncodeToString([]byte("#cloud-config\n{}")) {
		t.Errorf("user data %q", data.Data)
	}

	check(t, c.Instance.Delete(t.Context(), i.ID))
	_, _, err = c.Instance.Get(t.Context(), i.ID)
	wantError(t, err, "instance not found")
	wantError(t, c.Instance.Delete(t.Context(), i.ID), "instance not found")
}

// TestErrorsWordForWord compares whole answers: the Terraform provider looks
// for parts of them, spaces included.
func TestErrorsWordForWord(t *testing.T) {
	c := newCloud(t)
	group, _, err := c.FirewallGroup.Create(t.Context(), &govultr.FirewallGroupReq{})
	check(t, err)
	rule := `{"ip_type":"v4","protocol":"tcp","subnet":"10.0.0.0","subnet_size":8,"port":"22"}`
	if status, body := c.raw("POST", "/v2/firewalls/"+group.ID+"/rules", rule); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	with := func(part string) string { return `{"region":"ewr","plan":"vc2-1c-1gb","os_id":2284` + part + `}` }
	for _, tc := range []struct {
		name, method, path, body string
		status                   int
		message                  string
	}{
		{"instance", "GET", "/v2/instances/x", "", 404, "instance not found"},
		{"part of an instance", "GET", "/v2/instances/x/backup-schedule", "", 404, "Invalid instance-id."},
		{"key", "GET", "/v2/ssh-keys/x", "", 404, "Invalid ssh key ID"},
		{"group", "GET", "/v2/firewalls/x", "", 404, "Invalid firewall group ID"},
		{"rule", "GET", "/v2/firewalls/" + group.ID + "/rules/9", "", 404, "Firewall rule ID not found"},
		{"same rule", "POST", "/v2/firewalls/" + group.ID + "/rules", rule, 400, "This rule is already defined "},
		{"empty create", "POST", "/v2/instances", "{}", 400, "Bad request."},
		{"not JSON", "POST", "/v2/instances", "{", 400, "Bad request."},
		{"region", "POST", "/v2/instances", `{"region":"mars","plan":"vc2-1c-1gb"}`, 400, "Invalid region."},
		{"plan", "POST", "/v2/instances", `{"region":"ewr","plan":"vc9"}`, 400, "Invalid plan chosen."},
		{"plan in region", "POST", "/v2/instances", `{"region":"ams","plan":"vc2-2c-4gb","os_id":2284}`, 400, "plan is not available in the selected region"},
		{"key of create", "POST", "/v2/instances", with(`,"sshkey_id":["x"]`), 400, "Invalid ssh key ID"},
		{"group of create", "POST", "/v2/instances", with(`,"firewall_group_id":"x"`), 400, "Invalid firewall group ID"},
		{"IPv6", "POST", "/v2/instances", with(`,"enable_ipv6":true`), 400, "the skysail sandbox has no IPv6 addresses"},
		{"VPC", "POST", "/v2/instances", with(`,"attach_vpc":["x"]`), 400, "the skysail sandbox has no VPC networks"},
		{"availability", "GET", "/v2/regions/mars/availability", "", 400, "Invalid region."},
		{"unknown", "GET", "/v2/load-balancers", "", 501, "the skysail sandbox does not simulate GET /v2/load-balancers"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, body := c.raw(tc.method, tc.path, tc.body)
			want := fmt.Sprintf(`{"error":%q,"status":%d}`, tc.message, tc.status)
			if status != tc.status || body != want {
				t.Errorf("%d %s\nwant %d %s", status, body, tc.status, want)
			}
		})
	}
	if n := len(c.world.State().Servers); n != 0 {
		t.Errorf("%d servers were made", n)
	}
}

func TestListsOfInstances(t *testing.T) {
	c := newCloud(t)
	for n := range 5 {
		c.instance(fmt.Sprintf("web-%d", n), func(r *govultr.InstanceCreateReq) { r.Tags = []string{"all", fmt.Sprintf("tag%d", n%2)} })
	}
	is, meta, _, err := c.Instance.List(t.Context(), &govultr.ListOptions{PerPage: 2})
	check(t, err)
	if meta.Total != 5 || len(is) != 2 || is[0].Label != "web-0" || meta.Links.Prev != "" {
		t.Errorf("first page: %v, meta %+v", is, meta)
	}
	// What is deleted meanwhile must not push others off the pages.
	check(t, c.Instance.Delete(t.Context(), is[0].ID))
	second := meta.Links.Next
	is, _, _, err = c.Instance.List(t.Context(), &govultr.ListOptions{PerPage: 2, Cursor: second})
	check(t, err)
	if len(is) != 2 || is[0].Label != "web-2" || is[1].Label != "web-3" {
		t.Errorf("second page: %v", is)
	}
	last, meta, _, err := c.Instance.List(t.Context(), &govultr.ListOptions{PerPage: 3, Cursor: second})
	check(t, err)
	if len(last) != 3 || meta.Links.Next != "" || meta.Links.Prev == "" {
		t.Errorf("last page: %v, links %+v", last, meta.Links)
	}
	first, meta, _, err := c.Instance.List(t.Context(), &govultr.ListOptions{PerPage: 3, Cursor: meta.Links.Prev})
	check(t, err)
	if len(first) == 0 || first[0].Label != "web-1" || meta.Links.Prev != "" {
		t.Errorf("back on the first page: %v, links %+v", first, meta.Links)
	}

	for name, tc := range map[string]struct {
		opt  govultr.ListOptions
		want string
	}{
		"tag":        {govultr.ListOptions{Tag: "tag1"}, "web-1 web-3"},
		"tag's case": {govultr.ListOptions{Tag: "TAG1"}, "web-1 web-3"},
		"no prefix":  {govultr.ListOptions{Tag: "tag"}, ""},
		"label":      {govultr.ListOptions{Label: "web-4"}, "web-4"},
		"region":     {govultr.ListOptions{Region: "ams"}, ""},
		"main IP":    {govultr.ListOptions{MainIP: first[0].MainIP}, "web-1"},
	} {
		is, _, _, err := c.Instance.List(t.Context(), &tc.opt)
		check(t, err)
		var got []string
		for _, i := range is {
			got = append(got, i.Label)
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %v, want %s", name, got, tc.want)
		}
	}
	_, _, _, err = c.Instance.List(t.Context(), &govultr.ListOptions{Cursor: "?"})
	wantError(t, err, "Invalid cursor.")
}

func TestUpdate(t *testing.T) {
	c := newCloud(t)
	i := c.instance("web", func(r *govultr.InstanceCreateReq) { r.Tags = []string{"a"} })
	group, _, err := c.FirewallGroup.Create(t.Context(), &govultr.FirewallGroupReq{})
	check(t, err)
	// As the SDK sends it: null tags stay.
	_, res, err := c.Instance.Update(t.Context(), i.ID, &govultr.InstanceUpdateReq{Label: "new", FirewallGroupID: group.ID})
	check(t, err)
	if res.StatusCode != http.StatusAccepted {
		t.Errorf("update answers %d", res.StatusCode)
	}
	got := c.await(i.ID, "active", "running", "ok")
	if got.Label != "new" || got.FirewallGroupID != group.ID || !slices.Equal(got.Tags, []string{"a"}) {
		t.Errorf("instance: %+v", got)
	}
	if status, body := c.raw("PATCH", "/v2/instances/"+i.ID, `{"firewall_group_id":"","tags":["z","b"]}`); status != http.StatusAccepted {
		t.Errorf("%d %s", status, body)
	}
	_, _, err = c.Instance.Update(t.Context(), i.ID, &govultr.InstanceUpdateReq{Plan: "vc2-2c-4gb", Tags: []string{"z", "b"}})
	check(t, err)
	got = c.await(i.ID, "active", "running", "ok")
	if got.FirewallGroupID != "" || !slices.Equal(got.Tags, []string{"b", "z"}) || got.Plan != "vc2-2c-4gb" || got.RAM != 4096 {
		t.Errorf("instance: %+v", got)
	}
}

func TestPower(t *testing.T) {
	c := newCloud(t)
	i := c.instance("web")
	check(t, c.Instance.Halt(t.Context(), i.ID))
	c.await(i.ID, "active", "stopped", "ok")
	check(t, c.Instance.Halt(t.Context(), i.ID)) // twice is no error
	check(t, c.Instance.Start(t.Context(), i.ID))
	c.await(i.ID, "active", "running", "ok")
	check(t, c.Instance.Reboot(t.Context(), i.ID))
	c.await(i.ID, "active", "running", "ok")
	check(t, c.Instance.MassHalt(t.Context(), []string{i.ID}))
	c.await(i.ID, "active", "stopped", "ok")
	wantError(t, c.Instance.Halt(t.Context(), "x"), "Invalid instance-id.")
}

func TestPartsOfAnInstance(t *testing.T) {
	c := newCloud(t)
	i := c.instance("web")
	b, _, err := c.Instance.GetBackupSchedule(t.Context(), i.ID)
	check(t, err)
	if b.Enabled == nil || *b.Enabled {
		t.Errorf("backups: %+v", b)
	}
	hour := 7
	_, err = c.Instance.SetBackupSchedule(t.Context(), i.ID, &govultr.BackupScheduleReq{Type: "daily", Hour: &hour})
	check(t, err)
	b, _, err = c.Instance.GetBackupSchedule(t.Context(), i.ID)
	check(t, err)
	if b.Type != "daily" || b.Hour != 7 {
		t.Errorf("backups: %+v", b)
	}
	ips, _, _, err := c.Instance.ListIPv4(t.Context(), i.ID, nil)
	check(t, err)
	if len(ips) != 1 || ips[0].IP != i.MainIP || ips[0].Type != "main_ip" {
		t.Errorf("ipv4: %v", ips)
	}
	for _, part := range []string{"vpcs", "vpc2"} {
		status, body := c.raw("GET", "/v2/instances/"+i.ID+"/"+part, "")
		if want := `{"meta":{"links":{"next":"","prev":""},"total":0},"vpcs":[]}`; status != http.StatusOK || body != want {
			t.Errorf("%s: %d %s, want %s", part, status, body, want)
		}
	}
	for _, part := range []string{"ipv6", "iso", "neighbors", "bandwidth"} {
		if status, body := c.raw("GET", "/v2/instances/"+i.ID+"/"+part, ""); status != http.StatusOK {
			t.Errorf("%s: %d %s", part, status, body)
		}
	}
}

func TestWhatThereIsToChooseFrom(t *testing.T) {
	c := newCloud(t)
	anybody := c.client("", 0)
	ps, _, _, err := anybody.Plan.List(t.Context(), "all", nil)
	check(t, err)
	if len(ps) != 4 || ps[0].MonthlyCost != 5 || ps[0].Type != "vc2" || !slices.Equal(ps[0].Locations, []string{"ewr", "ams"}) ||
		ps[3].GPUType != "NVIDIA_A40" || ps[3].GPUVRAM != 48 || ps[3].MonthlyCost != 1250 {
		t.Errorf("plans: %+v", ps)
	}
	for kind, want := range map[string]int{"vc2": 2, "voc": 1, "voc-g": 1, "voc-c": 0, "vcg": 1} {
		ps, _, _, err := anybody.Plan.List(t.Context(), kind, nil)
		check(t, err)
		if len(ps) != want {
			t.Errorf("%s: %d plans, want %d", kind, len(ps), want)
		}
	}
	_, _, _, err = anybody.Plan.List(t.Context(), "x", nil)
	if err == nil || !strings.Contains(err.Error(), "Please provide a valid type: ") {
		t.Errorf("err = %v", err)
	}
	rs, _, _, err := anybody.Region.List(t.Context(), nil)
	check(t, err)
	if len(rs) != 2 || rs[0].ID != "ams" || rs[0].City != "Amsterdam" || rs[0].Country != "NL" {
		t.Errorf("regions: %v", rs)
	}
	av, _, err := anybody.Region.Availability(t.Context(), "ams", "")
	check(t, err)
	if !slices.Equal(av.AvailablePlans, []string{"vc2-1c-1gb"}) {
		t.Errorf("available: %v", av)
	}
	os, _, _, err := anybody.OS.List(t.Context(), nil)
	check(t, err)
	if !slices.ContainsFunc(os, func(o govultr.OS) bool {
		return o.ID == 2284 && o.Name == "Ubuntu 24.04 LTS x64" && o.Family == "ubuntu"
	}) {
		t.Errorf("os: %v", os)
	}
	apps, _, _, err := anybody.Application.List(t.Context(), nil)
	check(t, err)
	if len(apps) != 0 {
		t.Errorf("applications: %v", apps)
	}
	_, _, err = c.Account.Get(t.Context())
	check(t, err)
	_, _, err = anybody.Account.Get(t.Context())
	wantError(t, err, "Invalid API token.")
	if n := len(c.world.State().Servers); n != 0 {
		t.Errorf("%d servers", n)
	}
}
