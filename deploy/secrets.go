package deploy

import (
	"bytes"
	"context"
	"fmt"
	"sort"
	"strings"

	"skysail/internal/failure"
	"skysail/qos"
	"skysail/spec"
	"skysail/store"
)

// secretValues reads the values of the service's secrets from the caller's
// environment. One that is missing is an input failure that names it.
func (d *Deployer) secretValues(svc *spec.Service) (map[string]string, error) {
	values := map[string]string{}
	var missing []string
	for _, name := range svc.Secrets {
		v, ok := d.lookup(name)
		switch {
		case !ok:
			missing = append(missing, name)
		case strings.ContainsAny(v, "\n\r\x00"):
			return nil, failure.New(failure.Input, fmt.Sprintf("secret %s has more than one line", name),
				"A secret is handed over as a line of an environment file; nothing was created.",
				"Encode it (base64, for example) and decode it in the service.")
		default:
			values[name] = v
			d.hide(v)
		}
	}
	if len(missing) > 0 {
		return nil, failure.New(failure.Input,
			"the environment does not have the secrets "+strings.Join(missing, ", "),
			fmt.Sprintf("Service %q names them in `secrets`; their values come from the environment of this command. Nothing was created.", svc.Name),
			"Export them and run again.")
	}
	return values, nil
}

// secretsEnv is the form of systemd's EnvironmentFile: values in double
// quotes, with backslash, double quote, dollar and backtick escaped.
func secretsEnv(values map[string]string) []byte {
	names := make([]string, 0, len(values))
	for n := range values {
		names = append(names, n)
	}
	sort.Strings(names)
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`")
	var b bytes.Buffer
	for _, n := range names {
		fmt.Fprintf(&b, "%s=\"%s\"\n", n, escape.Replace(values[n]))
	}
	return b.Bytes()
}

// handOverAll waits until the instances can be reached, and hands the secrets
// over. On a cluster they are in its Secret before the apply.
func (d *Deployer) handOverAll(ctx context.Context, a *attempt, targets []qos.Target, values map[string]string) error {
	if _, ok := a.cluster(); ok {
		return nil
	}
	return d.step(ctx, a, store.StepSecrets, "", func() error {
		for _, t := range targets {
			if err := waitReachable(ctx, t); err != nil {
				return err
			}
			if err := handOver(ctx, t, values); err != nil {
				return err
			}
		}
		return noteSecrets(a, values)
	})
}

// handOver gives the secrets to an instance over its pinned SSH connection,
// by standard input; the service starts when they are there.
func handOver(ctx context.Context, t qos.Target, values map[string]string) error {
	if len(values) == 0 || t.SSH == nil {
		return nil
	}
	if _, err := qos.Run(ctx, t, "sudo -n /opt/skysail/secrets", bytes.NewReader(secretsEnv(values))); err != nil {
		return fmt.Errorf("handing secrets to %s: %w", t.Instance, err)
	}
	return nil
}
