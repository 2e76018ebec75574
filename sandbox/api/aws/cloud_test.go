package aws

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"golang.org/x/crypto/ssh"

	"skysail/internal/apiclient"
	"skysail/sandbox/api"
	"skysail/sandbox/fleet"
	"skysail/sandbox/world"
)

// switches is a fleet.Machine that only remembers what is on.
type switches struct{ on sync.Map }

func (s *switches) Start(_ context.Context, dir string) error { s.on.Store(dir, true); return nil }
func (s *switches) Stop(_ context.Context, dir string) error  { s.on.Delete(dir); return nil }

func (s *switches) Running(dir string) (bool, error) {
	_, on := s.on.Load(dir)
	return on, nil
}

// measured is a fleet whose machines used what a test says.
type measured struct {
	*fleet.Fleet
	mu   sync.Mutex
	seen []api.Usage
}

func (m *measured) Usage(string, string) []api.Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen
}

// cloud is the API, served over HTTP, and the official SDK's client of EC2.
type cloud struct {
	*testing.T
	*ec2.Client
	world    *world.World
	machines *switches
	fleet    *measured
	config   awssdk.Config
}

const region = "us-east-1"

func sizes() ([]api.Size, error) {
	zones := map[string][]string{"us-east-1": {"us-east-1a", "us-east-1b"}, "eu-central-1": {"eu-central-1a"}}
	return []api.Size{
		{
			Name: "t3.micro", VCPU: 2, MemoryMB: 1024, PriceUSD: 0.0104, SpotUSD: 0.0031, Arch: "amd64", Regions: []string{"us-east-1", "eu-central-1"}, Zones: zones,
			Prices: map[string]api.Price{"eu-central-1": {USD: 0.012}},
		},
		{Name: "m7g.large", VCPU: 2, MemoryMB: 8192, PriceUSD: 0.0816, Arch: "arm64", Regions: []string{"us-east-1"}, Zones: map[string][]string{"us-east-1": {"us-east-1b"}}},
		{
			Name: "g6.xlarge", VCPU: 4, MemoryMB: 16384, DiskGB: 250, PriceUSD: 0.8048, SpotUSD: 0.33, Arch: "amd64",
			Regions: []string{"us-east-1"}, Zones: zones, GPU: &api.GPU{Model: "L4", Count: 1, MemoryGB: 24},
		},
	}, nil
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	dir := t.TempDir()
	w, err := world.Open(filepath.Join(dir, "world.json"), nil)
	check(t, err)
	m := &switches{}
	f := &measured{Fleet: fleet.New(w, m, filepath.Join(dir, "instances"), fleet.Options{BootTime: 50 * time.Millisecond, Watch: 50 * time.Millisecond})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	srv := httptest.NewServer(New(api.Config{World: w, Fleet: f, Sizes: sizes, DiskUSD: 0.0001, AddressUSD: 0.005}))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	tokens := w.State().Tokens
	c := &cloud{T: t, world: w, machines: m, fleet: f, config: awssdk.Config{
		Region: region, BaseEndpoint: awssdk.String(srv.URL),
		Credentials: credentials.NewStaticCredentialsProvider(tokens[world.AWSKeyID], tokens[provider], ""),
		Retryer:     func() awssdk.Retryer { return awssdk.NopRetryer{} },
		HTTPClient:  &http.Client{Transport: apiclient.WholeRequests(&http.Transport{})},
	}}
	c.Client = ec2.NewFromConfig(c.config)
	return c
}

// in is a client of another region.
func (c *cloud) in(region string) *ec2.Client {
	cfg := c.config.Copy()
	cfg.Region = region
	return ec2.NewFromConfig(cfg)
}

// retrying is a client that repeats as the SDK does by itself, but quickly.
func (c *cloud) retrying() *ec2.Client {
	cfg := c.config.Copy()
	cfg.Retryer = func() awssdk.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = 3, 10*time.Millisecond })
	}
	return ec2.NewFromConfig(cfg)
}

func (c *cloud) fault(f world.Fault) {
	c.Helper()
	f.Provider = provider
	check(c.T, c.world.Update(func(st *world.State) error { st.SetFault(f); return nil }))
}

// ubuntu is the image that public parameters name.
func ubuntu(region, arch string) string {
	for _, i := range images() {
		if strings.HasSuffix(i.parameter, "/24.04/stable/current/"+arch+"/hvm/ebs-gp3/ami-id") {
			return i.id(region)
		}
	}
	panic("no image")
}

// group makes a security group.
func (c *cloud) group(name string) string {
	c.Helper()
	out, err := c.CreateSecurityGroup(c.Context(), &ec2.CreateSecurityGroupInput{GroupName: &name, Description: awssdk.String("test")})
	check(c.T, err)
	return *out.GroupId
}

func (c *cloud) run(group string, change ...func(*ec2.RunInstancesInput)) *ec2.RunInstancesInput {
	in := &ec2.RunInstancesInput{
		ImageId: awssdk.String(ubuntu(region, "amd64")), InstanceType: "t3.micro", MinCount: awssdk.Int32(1), MaxCount: awssdk.Int32(1),
		SecurityGroupIds: []string{group}, UserData: awssdk.String(base64.StdEncoding.EncodeToString([]byte("#cloud-config\n"))),
		TagSpecifications: []types.TagSpecification{tagging("instance", "skysail-deployment", "d1"), tagging("volume", "skysail-deployment", "d1")},
	}
	for _, f := range change {
		f(in)
	}
	return in
}

func tagging(kind types.ResourceType, key, value string) types.TagSpecification {
	return types.TagSpecification{ResourceType: kind, Tags: []types.Tag{{Key: &key, Value: &value}}}
}

// instance makes one and waits until it runs.
func (c *cloud) instance(group string, change ...func(*ec2.RunInstancesInput)) types.Instance {
	c.Helper()
	out, err := c.RunInstances(c.Context(), c.run(group, change...))
	check(c.T, err)
	return c.await(*out.Instances[0].InstanceId, types.InstanceStateNameRunning)
}

func (c *cloud) describe(id string) types.Instance {
	c.Helper()
	out, err := c.DescribeInstances(c.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	check(c.T, err)
	return out.Reservations[0].Instances[0]
}

func (c *cloud) await(id string, want types.InstanceStateName) types.Instance {
	c.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		i := c.describe(id)
		if i.State.Name == want {
			return i
		}
		if time.Now().After(end) {
			c.Fatalf("instance is %s, want %s", i.State.Name, want)
		}
	}
}

// wantError compares the code and a part of the message.
func wantError(t *testing.T, err error, code, message string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), message) {
		t.Errorf("err = %v, want %s: %s", err, code, message)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// publicKey makes an SSH key from a seed.
func publicKey(t *testing.T, seed byte) string {
	t.Helper()
	k := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune('a'+seed)), ed25519.SeedSize)))
	pub, err := ssh.NewPublicKey(k.Public())
	check(t, err)
	return string(ssh.MarshalAuthorizedKey(pub))
}
