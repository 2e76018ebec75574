package aws_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"skysail/catalog"
	"skysail/clouds"
	"skysail/clouds/aws"
	"skysail/clouds/cloudtest"
	"skysail/internal/apiclient"
	"skysail/sandbox/api"
	simulated "skysail/sandbox/api/aws"
	"skysail/sandbox/fleet"
	"skysail/sandbox/world"
)

const (
	id  = "d4k2m9x7qpb1"
	key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop test"
)

// switches are machines that are only on or off.
type switches struct{ on sync.Map }

func (s *switches) Start(_ context.Context, dir string) error { s.on.Store(dir, true); return nil }
func (s *switches) Stop(_ context.Context, dir string) error  { s.on.Delete(dir); return nil }

func (s *switches) Running(dir string) (bool, error) {
	_, on := s.on.Load(dir)
	return on, nil
}

// machines are the sandbox's fleet of such, and every one is half busy.
type machines struct{ *fleet.Fleet }

// Usage implements api.Fleet.
func (m machines) Usage(string, string) []api.Usage {
	var out []api.Usage
	for i := range 20 {
		n := float64(i)
		out = append(out, api.Usage{At: time.Now().Add(time.Duration(i-19) * time.Minute), CPUSeconds: 60 * n, ReceivedBytes: uint64(6000 * n), SentBytes: uint64(600 * n)})
	}
	return out
}

// simulator is AWS as the sandbox has it, and a client of its EC2 in a region.
func simulator(t *testing.T) (*world.World, *aws.Cloud, func(region string) *ec2.Client) {
	t.Helper()
	dir := t.TempDir()
	w, err := world.Open(filepath.Join(dir, "world.json"), nil)
	if err != nil {
		t.Fatal(err)
	}
	f := fleet.New(w, &switches{}, filepath.Join(dir, "instances"), fleet.Options{BootTime: 10 * time.Millisecond, Watch: 10 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	zones := map[string][]string{"us-east-1": {"us-east-1a", "us-east-1b"}, "eu-central-1": {"eu-central-1a"}}
	server := httptest.NewServer(simulated.New(api.Config{World: w, Fleet: machines{f}, DiskUSD: 0.0001, AddressUSD: 0.005, Sizes: func() ([]api.Size, error) {
		return []api.Size{
			{Name: "m7i.large", VCPU: 2, MemoryMB: 8192, PriceUSD: 0.1008, SpotUSD: 0.042, Arch: "amd64", Regions: []string{"us-east-1", "eu-central-1"}, Zones: zones},
			{Name: "g6.xlarge", VCPU: 4, MemoryMB: 16384, PriceUSD: 0.8048, Arch: "amd64", Regions: []string{"us-east-1"}, Zones: zones, GPU: &api.GPU{Model: "L4", Count: 1, MemoryGB: 24}},
		}, nil
	}}))
	t.Cleanup(server.Close)
	tokens := w.State().Tokens
	c := aws.New(clouds.MapEnv(map[string]string{
		"AWS_ACCESS_KEY_ID": tokens[world.AWSKeyID], "AWS_SECRET_ACCESS_KEY": tokens[world.AWS],
		"AWS_ENDPOINT_URL": server.URL, "AWS_EC2_METADATA_DISABLED": "true",
	})).Quick()
	direct := &http.Transport{}
	t.Cleanup(direct.CloseIdleConnections)
	return w, c, func(region string) *ec2.Client {
		return ec2.New(ec2.Options{
			Region: region, BaseEndpoint: &server.URL, HTTPClient: &http.Client{Transport: apiclient.WholeRequests(direct)}, RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider(tokens[world.AWSKeyID], tokens[world.AWS], ""),
		})
	}
}

func tagged(kind types.ResourceType, deployment, name string) []types.TagSpecification {
	return []types.TagSpecification{{ResourceType: kind, Tags: []types.Tag{
		{Key: sdk.String("skysail"), Value: sdk.String("true")}, {Key: sdk.String("skysail-deployment"), Value: &deployment}, {Key: sdk.String("Name"), Value: &name},
	}}}
}

// deploy makes what the module does, with the SDK.
func deploy(t *testing.T, api *ec2.Client, deployment string) {
	t.Helper()
	ctx, name := t.Context(), "skysail-"+deployment
	if _, err := api.ImportKeyPair(ctx, &ec2.ImportKeyPairInput{KeyName: &name, PublicKeyMaterial: []byte(key), TagSpecifications: tagged(types.ResourceTypeKeyPair, deployment, name)}); err != nil {
		t.Fatal(err)
	}
	group, err := api.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: &name, Description: &name, TagSpecifications: tagged(types.ResourceTypeSecurityGroup, deployment, name)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.RunInstances(ctx, request(t, api, deployment, name, *group.GroupId)); err != nil {
		t.Fatal(err)
	}
}

func request(t *testing.T, api *ec2.Client, deployment, name, group string) *ec2.RunInstancesInput {
	t.Helper()
	images, err := api.DescribeImages(t.Context(), &ec2.DescribeImagesInput{Filters: []types.Filter{{Name: sdk.String("name"), Values: []string{"*ubuntu-noble-24.04-amd64*"}}}})
	if err != nil || len(images.Images) == 0 {
		t.Fatal("no image: ", err)
	}
	return &ec2.RunInstancesInput{
		ImageId: images.Images[0].ImageId, InstanceType: types.InstanceTypeM7iLarge, MinCount: sdk.Int32(1), MaxCount: sdk.Int32(1), KeyName: &name, SecurityGroupIds: []string{group},
		Monitoring:        &types.RunInstancesMonitoringEnabled{Enabled: sdk.Bool(true)},
		TagSpecifications: append(tagged(types.ResourceTypeInstance, deployment, name+"-0"), tagged(types.ResourceTypeVolume, deployment, name+"-0")...),
		BlockDeviceMappings: []types.BlockDeviceMapping{{DeviceName: sdk.String("/dev/sdf"), Ebs: &types.EbsBlockDevice{
			VolumeSize: sdk.Int32(50), VolumeType: types.VolumeTypeGp3, Encrypted: sdk.Bool(true), DeleteOnTermination: sdk.Bool(false),
		}}},
	}
}

func kinds(list []clouds.Resource) []string {
	out := []string{}
	for _, r := range list {
		out = append(out, r.Kind+" "+r.Name+" "+r.Region)
	}
	return out
}

// What a deployment made is found in whatever region it is, and goes; what
// another made stays.
func TestSweep(t *testing.T) {
	_, c, ec2In := simulator(t)
	const other = "d00000000000"
	deploy(t, ec2In("eu-central-1"), id)
	deploy(t, ec2In("us-east-1"), other)
	found, err := c.Find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	cloudtest.All(t, c.FindAll, found, id, other)
	name := "skysail-" + id
	want := []string{
		"instance " + name + "-0 eu-central-1", "volume " + name + "-0 eu-central-1", "volume " + name + "-0 eu-central-1",
		"security_group " + name + " eu-central-1", "key_pair " + name + " eu-central-1",
	}
	if diff := cmp.Diff(want, kinds(found)); diff != "" {
		t.Fatal(diff)
	}
	if found[0].CreatedAt.IsZero() || !clouds.Tagged(found[0].Tags, id) || found[2].PriceUSD == 0 {
		t.Errorf("instance: %+v, volume: %+v", found[0], found[2])
	}
	for _, r := range found {
		if err := c.Delete(t.Context(), r); err != nil {
			t.Error(err)
		}
		if err := c.Delete(t.Context(), r); err != nil {
			t.Errorf("what is gone already: %v", err)
		}
	}
	if left, err := c.Find(t.Context(), id); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", kinds(left), err)
	}
	if left, err := c.Find(t.Context(), other); err != nil || len(left) != 5 {
		t.Errorf("the other deployment has %v, %v", kinds(left), err)
	}
}

// A create whose answer was lost has made an instance all the same.
func TestFindHalfMade(t *testing.T) {
	w, c, ec2In := simulator(t)
	api := ec2In("us-east-1")
	group, err := api.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: sdk.String("g"), Description: sdk.String("g")})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Update(func(st *world.State) error {
		st.SetFault(world.Fault{Provider: world.AWS, Kind: world.HalfMade, Times: 1})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	in := request(t, api, id, "skysail-"+id, *group.GroupId)
	in.KeyName = nil
	if _, err := api.RunInstances(t.Context(), in); err == nil {
		t.Fatal("the fault did not strike")
	}
	made := len(w.State().ServersOf(world.AWS))
	found, err := c.Find(t.Context(), id)
	if err != nil || made == 0 || len(found) < made || found[0].Kind != "instance" {
		t.Errorf("%d were made, found are %v: %v", made, kinds(found), err)
	}
}

// What the simulated AWS refuses is told as the real one's words are.
func TestCheck(t *testing.T) {
	w, c, _ := simulator(t)
	got, err := c.Check(t.Context())
	if err != nil || !strings.HasPrefix(got.Source, "variable AWS_ACCESS_KEY_ID") || !strings.Contains(got.ID, "arn:aws:") {
		t.Errorf("%+v, %v", got, err)
	}
	if err := w.Update(func(st *world.State) error { st.Tokens[world.AWS] = "another"; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Find(t.Context(), id); err == nil || !strings.Contains(err.Error(), "does not accept the credentials") {
		t.Errorf("a key that is no longer right: %v", err)
	}
}

// The prices are those of the simulated price list.
func TestOffers(t *testing.T) {
	_, c, _ := simulator(t)
	got, err := c.Offers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		kind, region, zones string
		usd                 float64
	}
	var lines []line
	for _, o := range got.Offers {
		lines = append(lines, line{o.Type, o.Regions[0], strings.Join(o.Zones, " "), o.PriceUSD})
	}
	want := []line{
		{"g6.xlarge", "us-east-1", "us-east-1a us-east-1b", 0.8048},
		{"m7i.large", "us-east-1", "us-east-1a us-east-1b", 0.1008},
		{"m7i.large", "eu-central-1", "eu-central-1a", 0.1008},
	}
	if diff := cmp.Diff(want, lines, cmp.AllowUnexported(line{})); diff != "" {
		t.Error(diff)
	}
	g, spot := got.Offers[0], got.Offers[1].SpotUSD
	if diff := cmp.Diff(&catalog.GPU{Model: "L4", Count: 1, MemoryGB: 24}, g.GPU); diff != "" || g.SpotUSD != nil || spot == nil || *spot != 0.042 {
		t.Errorf("%s spot %v", diff, spot)
	}
	if r := got.Rates; r.AddressUSD != 0.005 || r.DiskUSD < 0.0000999 || r.DiskUSD > 0.0001001 || r.AsOf != time.Now().UTC().Format(time.DateOnly) {
		t.Errorf("%+v", r)
	}
}

// What the simulated machines use up is measured.
func TestMetrics(t *testing.T) {
	w, c, ec2In := simulator(t)
	deploy(t, ec2In("us-east-1"), id)
	i := w.State().ServersOf(world.AWS)[0]
	got, err := c.Metrics(t.Context(), []clouds.Measured{{Name: "echo-0", ID: i.ID, Region: "us-east-1", VCPU: 2}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{clouds.MetricCPU: 0.5, clouds.MetricReceive: 100, clouds.MetricTransmit: 10}
	if len(got) != len(want) {
		t.Errorf("%+v", got)
	}
	for _, r := range got {
		if w := want[r.Name]; r.Value < w*0.8 || r.Value > w*1.2 || r.Instance != "echo-0" || time.Since(r.At) > 10*time.Minute || time.Since(r.At) < 0 {
			t.Errorf("%+v, want about %v", r, w)
		}
	}
}
