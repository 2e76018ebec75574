package runner

import (
	"fmt"
	"strings"
)

// neutral are the variables of this process that Terraform may see. All
// else, TF_CLI_ARGS_* and other clouds' credentials among it, stays out.
var neutral = []string{
	"PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "USER", "LOGNAME",
	"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR",
	// A setting of Go's race detector: a plugin built with it sleeps a second
	// when it exits, unless this says otherwise.
	"GORACE",
}

// BaseEnv is the part of the caller's environment that Terraform sees.
func BaseEnv(lookup func(string) (string, bool)) map[string]string {
	env := map[string]string{}
	for _, k := range neutral {
		if v, ok := lookup(k); ok {
			env[k] = v
		}
	}
	return env
}

// Mirror is an unpacked Terraform filesystem mirror and the provider address
// patterns that are taken from it.
type Mirror struct {
	Dir     string
	Include []string // such as "registry.terraform.io/vultr/*"
}

// CLIConfig builds a CLI configuration file (its bytes) that takes providers
// from mirrors only, or with direct also from their registries for what no
// mirror includes.
func CLIConfig(mirrors []Mirror, direct bool) []byte {
	var b strings.Builder
	b.WriteString("disable_checkpoint = true\nprovider_installation {\n")
	var all []string
	for _, m := range mirrors {
		fmt.Fprintf(&b, "  filesystem_mirror {\n    path    = %s\n    include = %s\n  }\n", quote(m.Dir), quoteList(m.Include))
		all = append(all, m.Include...)
	}
	if direct {
		fmt.Fprintf(&b, "  direct {\n    exclude = %s\n  }\n", quoteList(all))
	}
	b.WriteString("}\n")
	return []byte(b.String())
}

func quoteList(list []string) string {
	q := make([]string, len(list))
	for i, s := range list {
		q[i] = quote(s)
	}
	return "[" + strings.Join(q, ", ") + "]"
}

// quote writes an HCL string literal.
func quote(s string) string {
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "${", "$${", "%{", "%%{")
	return `"` + r.Replace(s) + `"`
}
