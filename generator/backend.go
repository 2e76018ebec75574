package generator

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"skysail/policies"
)

// stateBase is what states' names begin with where the policy says nothing.
const stateBase = "skysail"

// keyPlace is where in an address of the http backend a state's name goes.
const keyPlace = "{key}"

// limits of names: PostgreSQL cuts a longer identifier short without an error,
// and Kubernetes refuses a longer label, which the suffix of a Secret becomes.
const (
	maxSchema = 63
	maxSuffix = 63
)

// stateName names one state in a backend. Two machines that deploy one name
// meet at the owner's state of that name; each attempt has a state of its own,
// so that a plan that was approved is not made stale by another attempt.
type stateName struct {
	service string
	// deployment and attempt are left out for the owner's state.
	deployment string
	attempt    int
}

func (n stateName) owner() bool { return n.deployment == "" }

// path is the name in a store with folders.
func (n stateName) path() string {
	if n.owner() {
		return n.service + "/owner"
	}
	return fmt.Sprintf("%s/%s/attempt-%d", n.service, n.deployment, n.attempt)
}

// word is the name where there are none. The service's own is left out where
// the length is bounded: a deployment's ID is enough. No word ends with a
// number, which the kubernetes backend keeps for the parts of large states.
func (n stateName) word(short bool) string {
	switch {
	case n.owner():
		return n.service + "-owner"
	case short:
		return fmt.Sprintf("%s-a%d", n.deployment, n.attempt)
	default:
		return fmt.Sprintf("%s-%s-a%d", n.service, n.deployment, n.attempt)
	}
}

// stateConfig is the backend's configuration for one state: the policy's, with
// the name in it, and with locking where the backend leaves that out.
func stateConfig(b *policies.Backend, n stateName) (map[string]any, error) {
	out := maps.Clone(b.Config)
	if out == nil {
		out = map[string]any{}
	}
	base := func(name string) string {
		if s := b.Text(name); s != "" {
			return strings.TrimSuffix(s, "/")
		}
		return stateBase
	}
	switch b.Type {
	case "s3":
		out["key"] = base("key") + "/" + n.path() + ".tfstate"
		if b.Config["dynamodb_table"] == nil && b.Config["use_lockfile"] == nil {
			out["use_lockfile"] = true
		}
	case "gcs":
		out["prefix"] = base("prefix") + "/" + n.path()
	case "azurerm":
		out["key"] = base("key") + "/" + n.path() + ".tfstate"
	case "pg":
		name := base("schema_name") + "_" + strings.ReplaceAll(n.word(true), "-", "_")
		if len(name) > maxSchema {
			return nil, tooLong("schema_name", name, maxSchema)
		}
		out["schema_name"] = name
	case "kubernetes":
		name := base("secret_suffix") + "-" + n.word(true)
		if len(name) > maxSuffix {
			return nil, tooLong("secret_suffix", name, maxSuffix)
		}
		out["secret_suffix"] = name
	case "http":
		address := withKey(b.Text("address"), n)
		out["address"] = address
		for _, name := range []string{"lock_address", "unlock_address"} {
			out[name] = address
			if s := b.Text(name); s != "" {
				out[name] = withKey(s, n)
			} else if s := b.Text("lock_address"); s != "" {
				out[name] = withKey(s, n)
			}
		}
	}
	return out, nil
}

func withKey(address string, n stateName) string {
	if strings.Contains(address, keyPlace) {
		return strings.ReplaceAll(address, keyPlace, n.word(false))
	}
	return strings.TrimSuffix(address, "/") + "/" + n.word(false)
}

func tooLong(argument, name string, limit int) error {
	return fmt.Errorf("the state's name %q has %d characters, and at most %d are allowed: shorten backend.%s in the policy, or the service's name", name, len(name), limit, argument)
}

// remoteBackendFile is backend.tf for a state that is not on this machine.
func remoteBackendFile(b *policies.Backend, n stateName) ([]byte, error) {
	config, err := stateConfig(b, n)
	if err != nil {
		return nil, err
	}
	f := hclwrite.NewEmptyFile()
	comment(f.Body(), "Credentials are not here: terraform init takes them from the environment, as docs/state.md lists.")
	body := f.Body().AppendNewBlock("terraform", nil).Body().AppendNewBlock("backend", []string{b.Type}).Body()
	for _, name := range slices.Sorted(maps.Keys(config)) {
		if b.Type == "kubernetes" && name == "exec" {
			continue // a block
		}
		body.SetAttributeValue(name, valueOf(config[name]))
	}
	if exec, ok := config["exec"].(map[string]any); ok && b.Type == "kubernetes" {
		inner := body.AppendNewBlock("exec", nil).Body()
		for _, name := range slices.Sorted(maps.Keys(exec)) {
			inner.SetAttributeValue(name, valueOf(exec[name]))
		}
	}
	return bytesOf(f), nil
}

// valueOf is the value of what encoding/json decodes.
func valueOf(v any) cty.Value {
	switch v := v.(type) {
	case string:
		return cty.StringVal(v)
	case bool:
		return cty.BoolVal(v)
	case float64:
		return cty.NumberVal(new(big.Float).SetFloat64(v))
	case []any:
		out := make([]cty.Value, 0, len(v))
		for _, e := range v {
			out = append(out, valueOf(e))
		}
		return cty.TupleVal(out)
	case map[string]any:
		out := make(map[string]cty.Value, len(v))
		for k, e := range v {
			out[k] = valueOf(e)
		}
		return cty.ObjectVal(out)
	default:
		return cty.NullVal(cty.DynamicPseudoType)
	}
}
