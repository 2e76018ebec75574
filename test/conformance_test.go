package test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"skysail/deploy"
	"skysail/policies"
	"skysail/qos"
	"skysail/store"
)

// providers are those that must pass the suite; adding one adds a line.
var providers = []struct {
	name  string
	cloud bool
}{
	{policies.Local, false},
	{policies.AWS, true},
	{policies.GCP, true},
	{policies.DigitalOcean, true},
	{policies.Vultr, true},
}

// TestConformance is what every provider must do: create, outputs, SSH with a
// strict host key, samples, tags, destroy, nothing left; once and three times.
//
// Every engine runs it: Terraform, and OpenTofu where there is one.
func TestConformance(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e.name, func(t *testing.T) {
			if e.path == "" {
				t.Skip("NOT RUN: there is no OpenTofu here; `make tools` builds one")
			}
			for _, p := range providers {
				for _, n := range []int{1, 3} {
					if n > 1 && !p.cloud {
						continue // this machine runs a service with ports once
					}
					t.Run(fmt.Sprintf("%s/%d", p.name, n), func(t *testing.T) { conform(t, e, p.name, p.cloud, n) })
				}
			}
		})
	}
}

func conform(t *testing.T, e engine, provider string, cloud bool, instances int) {
	b := newBench(t)
	d := b.deployer(cloud, only(provider), e.use)
	svc := hello(t)
	svc.Instances = instances
	dep, err := d.Deploy(t.Context(), svc)
	if err != nil {
		t.Fatal(err)
	}
	checkDeployment(t, dep, provider, cloud, instances)
	checkSamples(t, d, dep, cloud)
	checkStatus(t, d, dep)
	checkLogs(t, d, dep)
	if cloud {
		checkCloudSamples(t, b, dep)
		checkTags(t, b, dep)
		for _, i := range dep.Instances {
			checkHostKey(t, b, i)
			checkReachable(t, b, i)
		}
	}
	proofs, err := d.Destroy(t.Context(), dep.Name)
	if err != nil {
		t.Fatal(err)
	}
	if len(proofs) != 1 || len(proofs[0].Left) != 0 || len(proofs[0].Destroyed) == 0 {
		t.Errorf("proofs of destroy: %+v", proofs)
	}
	if cloud {
		if left := b.resources(); len(left) != 0 {
			t.Errorf("left behind: %+v", left)
		}
	} else if up(dep.Instances[0].HealthURL) {
		t.Error("the service still answers after destroy")
	}
	again, err := d.Destroy(t.Context(), dep.Name)
	if err != nil || len(again) != 1 {
		t.Errorf("a second destroy: %v, %+v", err, again)
	}
}

func checkDeployment(t *testing.T, dep deploy.Deployment, provider string, cloud bool, instances int) {
	t.Helper()
	if dep.Phase != store.Running || dep.Provider != provider || dep.Sandbox != cloud {
		t.Errorf("deployment %+v", dep)
	}
	if cloud != (dep.PriceUSD > 0) {
		t.Errorf("price is %g", dep.PriceUSD)
	}
	if len(dep.Instances) != instances {
		t.Fatalf("instances: %+v", dep.Instances)
	}
	seen := map[string]bool{}
	for _, i := range dep.Instances {
		if i.ID == "" || i.Address == "" || i.HealthURL == "" || i.Logs == "" {
			t.Errorf("instance lacks something: %+v", i)
		}
		if cloud && (i.SSHUser != "skysail" || i.SSHPort != 22 || !strings.HasPrefix(i.HostKey, "ssh-ed25519 ")) {
			t.Errorf("instance's SSH: %+v", i)
		}
		for _, own := range []string{i.ID, i.Name, i.Address, i.HealthURL} {
			if seen[own] {
				t.Errorf("two instances have %s", own)
			}
			seen[own] = true
		}
		if cloud {
			if seen[i.HostKey] {
				t.Error("two instances have the same host key")
			}
			seen[i.HostKey] = true
		}
	}
}

// checkSamples wants the store to be non-empty right after Deploy, and a
// collection from every source.
func checkSamples(t *testing.T, d *deploy.Deployer, dep deploy.Deployment, cloud bool) {
	t.Helper()
	stored, err := d.Samples(t.Context(), dep.Name)
	if err != nil || len(stored) == 0 {
		t.Fatalf("samples right after deploy: %d, %v", len(stored), err)
	}
	res, err := d.Collect(t.Context(), dep.Name)
	if err != nil {
		t.Fatal(err)
	}
	host := qos.SourceService
	if cloud {
		host = qos.SourceSSH
	}
	want := map[[3]string]float64{}
	names := map[string]bool{}
	for _, i := range dep.Instances {
		names[i.Name] = true
		want[[3]string{i.Name, qos.SourceHTTP, "probe_success"}] = 1
		want[[3]string{i.Name, host, "skysail_service_up"}] = 1
	}
	for _, s := range res.Samples {
		if v, ok := want[[3]string{s.Instance, s.Source, s.Name}]; ok && s.Value == v {
			delete(want, [3]string{s.Instance, s.Source, s.Name})
		}
		if s.CollectedAt.IsZero() || !names[s.Instance] {
			t.Errorf("sample %+v", s)
		}
	}
	if len(want) != 0 {
		t.Errorf("missing or wrong: %v in %+v; reports %+v", want, res.Samples, res.Reports)
	}
}

// checkCloudSamples wants the provider's own measurements, as a collection
// some seconds later has them.
func checkCloudSamples(t *testing.T, b *bench, dep deploy.Deployment) {
	t.Helper()
	var res qos.Result
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		// A new one each time: one that has asked waits for the interval.
		var err error
		if res, err = b.deployer(true, only(dep.Provider)).Collect(t.Context(), dep.Name); err != nil {
			t.Fatal(err)
		}
		for _, s := range res.Samples {
			if s.Source == qos.SourceCloud && strings.HasPrefix(s.Name, "skysail_cloud_") {
				if s.ObservedAt.After(s.CollectedAt) || time.Since(s.ObservedAt) > time.Hour {
					t.Errorf("sample %+v", s)
				}
				return
			}
		}
	}
	t.Errorf("the provider measured nothing: %+v", res.Reports)
}

func checkStatus(t *testing.T, d *deploy.Deployer, dep deploy.Deployment) {
	t.Helper()
	st, err := d.Status(t.Context(), dep.Name)
	if err != nil {
		t.Fatal(err)
	}
	if len(st.Live) != len(dep.Instances) {
		t.Errorf("status: %+v (%s)", st.Live, st.Problem)
	}
	for _, l := range st.Live {
		if l.Exists != deploy.Yes || l.Healthy != deploy.Yes {
			t.Errorf("status: %+v (%s)", l, st.Problem)
		}
	}
}

func checkLogs(t *testing.T, d *deploy.Deployer, dep deploy.Deployment) {
	t.Helper()
	var lines []qos.Line
	err := d.Logs(t.Context(), dep.Name, qos.LogQuery{Last: 50}, func(l qos.Line) error {
		lines = append(lines, l)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range dep.Instances {
		if !slices.ContainsFunc(lines, func(l qos.Line) bool { return l.Instance == i.Name && strings.Contains(l.Message, "listening") }) {
			t.Errorf("%s: the service's first line is not in its log: %+v", i.Name, lines)
		}
	}
}

func checkTags(t *testing.T, b *bench, dep deploy.Deployment) {
	t.Helper()
	rs := b.resources()
	if len(rs) < 3 {
		t.Errorf("expected a server, a firewall and a key: %+v", rs)
	}
	for _, r := range rs {
		if !strings.Contains(r.Name, dep.ID) && !slices.Contains(r.Tags, "skysail-deployment:"+dep.ID) {
			t.Errorf("%s %s carries neither tag nor name of the deployment: %+v", r.Kind, r.ID, r)
		}
	}
}

// checkHostKey dials with strict checking of the pinned key, and with a
// different key, which must fail.
func checkHostKey(t *testing.T, b *bench, i store.Instance) {
	t.Helper()
	pinned, _, _, _, err := ssh.ParseAuthorizedKey([]byte(i.HostKey))
	if err != nil {
		t.Fatal(err)
	}
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		key  ssh.PublicKey
		ok   bool
	}{{"pinned", pinned, true}, {"another", other, false}} {
		matched := false
		conn, err := b.sandbox().Dial(t.Context(), "tcp", i.Address+":22")
		if err != nil {
			t.Fatal(err)
		}
		check := ssh.FixedHostKey(c.key)
		_, _, _, err = ssh.NewClientConn(conn, i.Address+":22", &ssh.ClientConfig{
			User: i.SSHUser, HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
			HostKeyCallback: func(host string, remote net.Addr, k ssh.PublicKey) error {
				err := check(host, remote, k)
				matched = err == nil
				return err
			},
		})
		if err == nil {
			t.Error("an SSH connection without a key was let in")
		}
		if matched != c.ok {
			t.Errorf("host key %s: accepted = %v", c.name, matched)
		}
		_ = conn.Close()
	}
}

// checkReachable wants the firewall to let in what the service says, and
// nothing else.
func checkReachable(t *testing.T, b *bench, i store.Instance) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := b.sandbox().Dial(ctx, "tcp", i.Address+":8080")
	if err != nil {
		t.Errorf("the public port is not reachable: %v", err)
	} else {
		_ = conn.Close()
	}
	if conn, err := b.sandbox().Dial(ctx, "tcp", i.Address+":9999"); err == nil {
		_ = conn.Close()
		t.Error("a port that no rule opens is reachable")
	}
}

func up(url string) bool {
	client := &http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
