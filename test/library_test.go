package test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"skysail/deploy"
	"skysail/policies"
	"skysail/sandbox"
	"skysail/spec"
)

// A manager embeds skysail: it calls deploy.RunHelper first in main, then
// places services on this machine or, under a policy, on a cloud. Metrics are
// there as soon as Deploy returns.
func Example_manager() {
	ctx := context.Background()
	home, err := os.MkdirTemp("", "skysail-example-*")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(home)
	if err := exec.CommandContext(ctx, "go", "run", "../examples/hello/pack").Run(); err != nil {
		log.Fatal(err)
	}
	svc, err := spec.Load("../examples/hello/service.hcl")
	if err != nil {
		log.Fatal(err)
	}

	manage := func(opts deploy.Options) error {
		d, err := deploy.New(ctx, opts)
		if err != nil {
			return err
		}
		defer d.Close()
		dep, err := d.Deploy(ctx, svc)
		if err != nil {
			return err
		}
		samples, err := d.Samples(ctx, dep.Name)
		if err != nil {
			return err
		}
		fmt.Printf("%s runs on %s, metrics: %v\n", dep.Name, dep.Provider, len(samples) > 0)
		proofs, err := d.Destroy(ctx, dep.Name)
		if err != nil {
			return err
		}
		fmt.Printf("destroyed, left behind: %d\n", len(proofs[0].Left))
		return nil
	}

	// On this machine.
	if err := manage(deploy.Options{Home: home}); err != nil {
		fmt.Println(err)
	}
	// On the first cloud of a policy that takes it; here a simulated one.
	policy := policies.Default()
	policy.Lists.Cost = []string{policies.DigitalOcean}
	if err := manage(deploy.Options{Home: home, Remote: true, Sandbox: true, Policy: &policy}); err != nil {
		fmt.Println(err)
	}
	c, err := sandbox.Connect(ctx, filepath.Join(home, "sandbox"))
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Down(ctx, true); err != nil {
		log.Fatal(err)
	}
	// Output:
	// hello runs on local, metrics: true
	// destroyed, left behind: 0
	// hello runs on digitalocean, metrics: true
	// destroyed, left behind: 0
}
