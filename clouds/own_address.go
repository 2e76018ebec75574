package clouds

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"skysail/internal/failure"
)

// ownAddressURL answers with the caller's public address in plain text.
const ownAddressURL = "https://checkip.amazonaws.com"

// OwnAddress asks a public service for the address from which this machine is
// seen, as a CIDR block of that one address. It is what SSH is opened to when
// the policy names nothing: never the world.
func OwnAddress(ctx context.Context, env Env) (string, error) {
	return ownAddress(ctx, env, ownAddressURL)
}

func ownAddress(ctx context.Context, env Env, url string) (string, error) {
	addr, err := askAddress(ctx, env, url)
	if err != nil {
		return "", failure.Wrap(err, failure.Input, "finding this machine's public address",
			"The policy does not say who may open SSH connections, and it is never opened to the world. Nothing was created.",
			`Set access { ssh_from = ["<your address>/32"] } in the policy.`)
	}
	return netip.PrefixFrom(addr, addr.BitLen()).String(), nil
}

func askAddress(ctx context.Context, env Env, url string) (netip.Addr, error) {
	client, err := HTTPClient(env)
	if err != nil {
		return netip.Addr{}, err
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return netip.Addr{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return netip.Addr{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != http.StatusOK {
		return netip.Addr{}, fmt.Errorf("%s answered %s", url, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 256))
	if err != nil {
		return netip.Addr{}, err
	}
	addr, err := netip.ParseAddr(strings.TrimSpace(string(body)))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%s answered with no address: %w", url, err)
	}
	// A firewall rule for an address of this network would let nobody in.
	if addr = addr.Unmap().WithZone(""); !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return netip.Addr{}, fmt.Errorf("%s answered %s, which is no public address", url, addr)
	}
	return addr, nil
}
