package gcp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
	"google.golang.org/api/compute/v1"
	"google.golang.org/api/option"

	"skysail/clouds"
	"skysail/clouds/cloudtest"
	"skysail/clouds/gcp"
	"skysail/sandbox/api"
	simulated "skysail/sandbox/api/gcp"
	"skysail/sandbox/fleet"
	"skysail/sandbox/world"
)

const (
	id    = "d4k2m9x7qpb1"
	other = "d00000000000"
	place = "us-central1-b"
)

// switches are machines that only remember which of them are on.
type switches struct{ on sync.Map }

func (s *switches) Start(_ context.Context, dir string) error { s.on.Store(dir, true); return nil }
func (s *switches) Stop(_ context.Context, dir string) error  { s.on.Delete(dir); return nil }

func (s *switches) Running(dir string) (bool, error) {
	_, on := s.on.Load(dir)
	return on, nil
}

// simulator is Google Cloud as the sandbox has it, where it is, and its SDK.
func simulator(t *testing.T) (*world.World, string, *compute.Service) {
	t.Helper()
	w, err := world.Open(filepath.Join(t.TempDir(), "world.json"), nil)
	if err != nil {
		t.Fatal(err)
	}
	f := fleet.New(w, &switches{}, t.TempDir(), fleet.Options{BootTime: 20 * time.Millisecond, Watch: 50 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(simulated.New(api.Config{World: w, Fleet: f, Sizes: func() ([]api.Size, error) {
		return []api.Size{{
			Name: "e2-small", VCPU: 2, MemoryMB: 2048, PriceUSD: 0.017, SpotUSD: 0.005, Arch: "amd64",
			Regions: []string{"us-central1"}, Zones: map[string][]string{"us-central1": {place}},
		}}, nil
	}}))
	t.Cleanup(server.Close)
	direct := &http.Transport{}
	t.Cleanup(direct.CloseIdleConnections)
	sdk, err := compute.NewService(t.Context(), option.WithEndpoint(server.URL+"/compute/v1/"), option.WithHTTPClient(&http.Client{Transport: &oauth2.Transport{
		Base:   direct,
		Source: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: w.State().Tokens[world.GCP]}),
	}}))
	if err != nil {
		t.Fatal(err)
	}
	return w, server.URL, sdk
}

func cloud(w *world.World, address string) *gcp.Cloud {
	return gcp.New(clouds.MapEnv(map[string]string{
		"GOOGLE_OAUTH_ACCESS_TOKEN": w.State().Tokens[world.GCP], "GOOGLE_PROJECT": simulated.Project,
	})).At(address)
}

// machine asks for an instance as the module does.
func machine(name, owner string) *compute.Instance {
	labels := map[string]string{"skysail": "true", "skysail-deployment": owner}
	return &compute.Instance{
		Name: name, MachineType: "zones/" + place + "/machineTypes/e2-small", Labels: labels,
		Tags: &compute.Tags{Items: []string{"skysail-" + owner}},
		Disks: []*compute.AttachedDisk{{Boot: true, AutoDelete: true, InitializeParams: &compute.AttachedDiskInitializeParams{
			SourceImage: "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64", DiskSizeGb: 20, Labels: labels,
			DiskType: "zones/" + place + "/diskTypes/pd-balanced",
		}}},
		NetworkInterfaces: []*compute.NetworkInterface{{Network: "global/networks/default", AccessConfigs: []*compute.AccessConfig{{Type: "ONE_TO_ONE_NAT"}}}},
	}
}

func insert(t *testing.T, sdk *compute.Service, i *compute.Instance) {
	t.Helper()
	op, err := sdk.Instances.Insert(simulated.Project, place, i).Do()
	for end := time.Now().Add(20 * time.Second); err == nil && op.Status != "DONE"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the instance is still being made: %+v", op)
		}
		op, err = sdk.ZoneOperations.Get(simulated.Project, place, op.Name).Do()
	}
	if err != nil || op.Error != nil {
		t.Fatal(err, op)
	}
}

func kinds(list []clouds.Resource) []string {
	out := []string{}
	for _, r := range list {
		out = append(out, r.Kind+" "+r.Name)
	}
	return out
}

// What a deployment made is found and goes; what another made stays.
func TestSweep(t *testing.T) {
	w, address, sdk := simulator(t)
	ctx := t.Context()
	insert(t, sdk, machine("skysail-"+id+"-0", id))
	insert(t, sdk, machine("skysail-"+other+"-0", other))
	if _, err := sdk.Disks.Insert(simulated.Project, place, &compute.Disk{
		Name: "skysail-" + id + "-0-data", SizeGb: 10, Type: "zones/" + place + "/diskTypes/pd-balanced", Labels: map[string]string{"skysail-deployment": id},
	}).Do(); err != nil {
		t.Fatal(err)
	}
	if _, err := sdk.Firewalls.Insert(simulated.Project, &compute.Firewall{
		Name: "skysail-" + id + "-closed", Network: "global/networks/default", Direction: "INGRESS", Priority: 65000, SourceRanges: []string{"0.0.0.0/0"},
		TargetTags: []string{"skysail-" + id}, Denied: []*compute.FirewallDenied{{IPProtocol: "all"}},
	}).Do(); err != nil {
		t.Fatal(err)
	}

	c := cloud(w, address)
	if account, err := c.Check(ctx); err != nil || account.ID != simulated.Project {
		t.Errorf("%+v, %v", account, err)
	}
	found, err := c.Find(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	cloudtest.All(t, c.FindAll, found, id, other)
	want := []string{"instance skysail-" + id + "-0", "disk skysail-" + id + "-0", "disk skysail-" + id + "-0-data", "firewall skysail-" + id + "-closed"}
	if diff := cmp.Diff(want, kinds(found)); diff != "" {
		t.Fatal(diff)
	}
	if found[0].Region != "us-central1" || found[0].CreatedAt.IsZero() || !clouds.Tagged(found[0].Tags, id) {
		t.Errorf("instance: %+v", found[0])
	}
	for _, r := range found {
		if err := c.Delete(ctx, r); err != nil {
			t.Error(err)
		}
		if err := c.Delete(ctx, r); err != nil {
			t.Errorf("what is gone already: %v", err)
		}
	}
	if left, err := c.Find(ctx, id); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", kinds(left), err)
	}
	if left, err := c.Find(ctx, other); err != nil || len(left) != 2 {
		t.Errorf("the other deployment has %v, %v", kinds(left), err)
	}
}

// An instance that Google says could not be made, and that is there.
func TestFindHalfMade(t *testing.T) {
	w, address, sdk := simulator(t)
	if err := w.Update(func(st *world.State) error {
		st.SetFault(world.Fault{Provider: world.GCP, Kind: world.HalfMade, Times: 1})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	_, _ = sdk.Instances.Insert(simulated.Project, place, machine("skysail-"+id+"-0", id)).Do() // refused now or later
	if n := len(w.State().ServersOf(world.GCP)); n == 0 {
		t.Fatal("nothing was made, so that this test shows nothing")
	}
	found, err := cloud(w, address).Find(t.Context(), id)
	if err != nil || len(found) == 0 || found[0].Kind != "instance" {
		t.Errorf("%v, %v", kinds(found), err)
	}
}
