package clouds

// networkVariables say how programs reach the network, by the names that Go
// programs, Terraform's providers among them, read.
var networkVariables = []string{
	"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR",
}

// NetworkEnv is the part of env that says how to reach the network: proxies
// and root certificates.
func NetworkEnv(env Env) map[string]string {
	out := map[string]string{}
	for _, name := range networkVariables {
		if v := env.Get(name); v != "" {
			out[name] = v
		}
	}
	return out
}
