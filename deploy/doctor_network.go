package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"skysail/clouds"
	"skysail/runner"
)

const (
	// registryURL is the first thing that Terraform asks of the registry:
	// https://developer.hashicorp.com/terraform/internals/remote-service-discovery.
	registryURL = "https://registry.terraform.io/.well-known/terraform.json"
	// releasesURL lists the files of the version that would be fetched.
	releasesURL = "https://releases.hashicorp.com/terraform/" + runner.InstallVersion + "/index.json"
	// sshHost answers on port 22 for everybody.
	sshHost = "github.com:22"

	// worstSkew is where AWS refuses signatures:
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html.
	worstSkew = 5 * time.Minute
)

// get asks for a page and calls seen with its answer. Any answer that is not
// an error of the server will do.
func (doc *doctor) get(ctx context.Context, address string, seen func(*http.Response, time.Time)) error {
	client, err := clouds.HTTPClient(doc.env)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // its text may hold the proxy's password
			err = u.Err
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%s did not answer within %s", req.URL.Host, doctorTimeout)
		}
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if seen != nil {
		seen(resp, began.Add(time.Since(began)/2))
	}
	if resp.StatusCode >= http.StatusInternalServerError || resp.StatusCode == http.StatusProxyAuthRequired {
		return fmt.Errorf("%s answered %s", req.URL.Host, resp.Status)
	}
	return nil
}

// proxy says how programs reach the network.
func (doc *doctor) proxy(context.Context) []Check {
	if doc.d.opts.Sandbox {
		return nil
	}
	out := Check{Group: GroupNetwork, Name: "proxy", State: CheckOK, Detail: "none, connections are direct"}
	if raw := doc.env.Get("HTTPS_PROXY", "https_proxy"); raw != "" {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" {
			out.State, out.Detail = CheckFailed, "HTTPS_PROXY is not an address"
			out.Fix = "Set it to http://HOST:PORT, or unset it."
			return []Check{out}
		}
		out.Detail = "HTTPS_PROXY " + u.Redacted()
		if no := doc.env.Get("NO_PROXY", "no_proxy"); no != "" {
			out.Detail += ", but not for " + no
		}
	}
	if ca := doc.env.Get("SSL_CERT_FILE"); ca != "" {
		out.Detail += "; trusts the certificates of " + ca
	}
	return []Check{out}
}

// reach asks the registry, or in the sandbox a simulated API, and compares its
// clock with this machine's.
func (doc *doctor) reach(ctx context.Context) []Check {
	name, address := "registry", doc.registry
	if doc.d.opts.Sandbox {
		name, address = "", doc.env.Get("DIGITALOCEAN_API_URL")
	}
	var skew time.Duration
	var told bool
	err := doc.get(ctx, address, func(r *http.Response, middle time.Time) {
		if date, perr := http.ParseTime(r.Header.Get("Date")); perr == nil {
			skew, told = middle.Sub(date), true
		}
	})
	var out []Check
	if name != "" {
		host := hostOf(address)
		c := Check{Group: GroupNetwork, Name: name, State: CheckOK, Detail: host + " answers"}
		switch {
		case err != nil && doc.d.opts.ProviderMirror != "":
			c.State, c.Detail = CheckAbsent, fmt.Sprintf("%s can not be reached (%v), and need not be: there is a mirror", host, err)
		case err != nil:
			c.State, c.Detail = CheckFailed, fmt.Sprintf("%s can not be reached: %v", host, err)
			c.Fix = "Terraform fetches the clouds' providers there: allow https to it, set HTTPS_PROXY, or name a mirror in SKYSAIL_PROVIDER_MIRROR. Local services and the sandbox do without."
			var dns *net.DNSError
			if errors.As(err, &dns) {
				c.Detail = fmt.Sprintf("the name %s can not be looked up: %s", host, dns.Err)
				c.Fix = "Look at /etc/resolv.conf, or set HTTPS_PROXY where names are looked up by a proxy. " + c.Fix
			}
			c = doc.unlessNeeded(c)
		}
		out = append(out, c)
	}
	return append(out, clock(skew, told))
}

// clock compares this machine's clock with one of the network's.
func clock(skew time.Duration, told bool) Check {
	c := Check{Group: GroupMachine, Name: "clock", State: CheckOK}
	off := max(skew, -skew)
	switch {
	case !told:
		c.State, c.Detail = CheckAbsent, "nothing could be asked for the time"
	case off > worstSkew:
		way := "fast"
		if skew < 0 {
			way = "slow"
		}
		c.State, c.Detail = CheckFailed, fmt.Sprintf("it is %s %s", off.Round(time.Second), way)
		c.Fix = "Clouds refuse requests that are more than 5 minutes off: set the clock, with `timedatectl set-ntp true` where systemd keeps it."
	case off < 2*time.Second: // as exact as the header is
		c.Detail = "right"
	default:
		c.Detail = fmt.Sprintf("right, to %s", off.Round(time.Second))
	}
	return c
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

// ssh says whether connections to port 22 get out of this network at all.
func (doc *doctor) ssh(ctx context.Context) []Check {
	if doc.d.opts.Sandbox {
		return nil
	}
	out := Check{Group: GroupNetwork, Name: "ssh", State: CheckOK}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", doc.sshHost)
	if err != nil {
		// One host that does not answer does not prove that none would.
		out.State = CheckAbsent
		out.Detail = fmt.Sprintf("no connection to %s: %s", doc.sshHost, lastPart(err))
		out.Fix = "Instances are reached over SSH: allow outgoing TCP to port 22, or a deployment to a cloud waits for it in vain."
		return []Check{out}
	}
	_ = conn.Close()
	out.Detail = "port 22 gets out (tried " + doc.sshHost + ")"
	return []Check{out}
}

// lastPart is the cause at the end of a network error.
func lastPart(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer within " + doctorTimeout.String()
	}
	text := err.Error()
	return text[strings.LastIndex(text, ": ")+1:]
}
