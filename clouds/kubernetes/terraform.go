package kubernetes

import (
	"os"
	"path/filepath"
	"strings"

	"skysail/clouds"
)

// helperVariables are what the credential helpers of managed clusters read:
// `aws eks get-token`, gke-gcloud-auth-plugin, kubelogin and `doctl kubernetes
// cluster kubeconfig exec-credential`. Terraform passes them on to the helper.
var helperVariables = []string{
	"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CA_BUNDLE",
	"GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "CLOUDSDK_ACTIVE_CONFIG_NAME", "CLOUDSDK_CORE_ACCOUNT", "CLOUDSDK_CORE_PROJECT",
	"AZURE_CONFIG_DIR", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST",
	"AAD_LOGIN_METHOD", "AAD_SERVICE_PRINCIPAL_CLIENT_ID", "AAD_SERVICE_PRINCIPAL_CLIENT_SECRET",
	"DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_CONTEXT", "XDG_CONFIG_HOME",
}

// TerraformEnv is what Terraform's helm and kubernetes providers read: where
// the kubeconfig is and which context of it counts. There is no credential in
// it, but for those that a context's credential helper takes from variables.
// In a pod it is where the pod's API server is: with no kubeconfig given the
// providers use the service account, as helm/kubeconfig.go and helm/provider.go
// of terraform-provider-helm 3.1.2 have it.
func (c *Cloud) TerraformEnv() map[string]string {
	out := clouds.NetworkEnv(c.env)
	if c.place.pod {
		for _, name := range podVariables {
			out[name] = c.env.Get(name)
		}
		return out
	}
	var files []string
	for _, f := range c.place.files {
		if abs, err := filepath.Abs(f); err == nil { // Terraform runs in another folder
			f = abs
		}
		files = append(files, f)
	}
	if len(files) == 1 {
		out["KUBE_CONFIG_PATH"] = files[0]
	} else {
		out["KUBE_CONFIG_PATHS"] = strings.Join(files, string(os.PathListSeparator))
	}
	out["KUBE_CTX"] = c.context
	if c.config.ExecProvider != nil {
		for _, name := range helperVariables {
			if v := c.env.Get(name); v != "" {
				out[name] = v
			}
		}
	}
	return out
}
