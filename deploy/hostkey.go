package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"skysail/internal/crash"
	"skysail/qos"
	"skysail/qos/sshclient"
	"skysail/store"
)

const (
	rotateCommand = "sudo -n /opt/skysail/rotate-host-key"
	// rotateTries is how often a replacement is begun: a connection may be
	// lost under it, and every step can be repeated.
	rotateTries = 3
	rotatePause = 2 * time.Second
	// restartPatience bounds the wait for sshd to come back with its new key.
	restartPatience = time.Minute
)

// rotateHostKeys replaces the first host key of every instance, which stood in
// Terraform's state and in the user-data, by one made on the instance, and
// changes instances and store to it. After a crash at any point the store has
// every key that the instance can show: the next one is recorded before the
// instance is told to use it, and the old one dropped only when the instance
// has proven the new one.
//
// A failure fails the attempt. With a warning in its place the service would
// run behind a key that whoever reads the state can pretend to have, and every
// promise about strict host keys would be void while all looks well; and an
// image on which this can not be done is not the machine that was reviewed.
func (d *Deployer) rotateHostKeys(ctx context.Context, a *attempt, instances []store.Instance) error {
	if err := d.store.PutInstances(ctx, a.dep.ID, instances); err != nil {
		return err
	}
	for n := range instances {
		if instances[n].SSHUser == "" {
			continue
		}
		d.emit(EventStep, a, "replacing the first host key of %s", instances[n].Name)
		crash.Point("hostkey:begun")
		if err := d.rotateHostKey(ctx, a, instances, n); err != nil {
			return fmt.Errorf("replacing the first host key of %s: %w", instances[n].Name, err)
		}
	}
	return nil
}

func (d *Deployer) rotateHostKey(ctx context.Context, a *attempt, instances []store.Instance, n int) error {
	var failed error
	for try := range rotateTries {
		if try > 0 && !sleep(ctx, rotatePause) {
			return errors.Join(context.Cause(ctx), failed)
		}
		if failed = d.rotateOnce(ctx, a, instances, n); failed == nil {
			return nil
		}
		// What cannot mend itself, and a foreign machine above all.
		if ctx.Err() != nil || sshclient.Final(failed) {
			return failed
		}
	}
	return failed
}

// rotateOnce takes one instance from whatever step it is at to its new key.
func (d *Deployer) rotateOnce(ctx context.Context, a *attempt, instances []store.Instance, n int) error {
	i := &instances[n]
	target := func() (qos.Target, error) {
		targets, err := d.targets(ctx, a.dep, &a.row, []store.Instance{*i})
		if err != nil {
			return qos.Target{}, err
		}
		return targets[0], nil
	}
	t, err := target()
	if err != nil {
		return err
	}
	out, err := qos.Run(ctx, t, rotateCommand, nil)
	if err != nil {
		return err
	}
	next, err := hostKeyLine(out)
	if err != nil {
		return err
	}
	if next != i.HostKey {
		i.NextHostKey = next
		if err := d.store.PutInstances(ctx, a.dep.ID, instances); err != nil {
			return err
		}
		if t, err = target(); err != nil {
			return err
		}
		d.emit(EventStep, a, "%s: its next host key is recorded", i.Name)
		crash.Point("hostkey:recorded")
		if _, err := qos.Run(ctx, t, rotateCommand, bytes.NewReader([]byte(next+"\n"))); err != nil {
			return err
		}
	}
	strict := *i
	strict.HostKey, strict.NextHostKey = next, ""
	targets, err := d.targets(ctx, a.dep, &a.row, []store.Instance{strict})
	if err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, restartPatience)
	defer cancel()
	// sshd may still be the one with the old key for a moment.
	if err := qos.WaitReady(wait, targets[0], sshclient.WithHostKeyGrace(restartPatience)); err != nil {
		return err
	}
	*i = strict
	return d.store.PutInstances(ctx, a.dep.ID, instances)
}

// hostKeyLine is the one Ed25519 key in what an instance printed.
func hostKeyLine(out []byte) (string, error) {
	key, _, _, rest, err := ssh.ParseAuthorizedKey(out)
	switch {
	case err != nil:
		return "", fmt.Errorf("the instance did not print its next host key: %w", err)
	case len(bytes.TrimSpace(rest)) > 0:
		return "", errors.New("the instance printed more than its next host key")
	case key.Type() != ssh.KeyAlgoED25519:
		return "", fmt.Errorf("the instance's next host key is of type %s, not %s", key.Type(), ssh.KeyAlgoED25519)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), nil
}
