package policies

// credential is an argument that must not stand in a policy.
type credential struct {
	// variables are what Terraform reads in its place.
	variables []string
	// harmless says of a value that there is no credential in it; nil for an
	// argument that is one whatever its value.
	harmless func(string) bool
}

// backendKind is what is known of one of Terraform's backends.
type backendKind struct {
	// base is the argument that states' names are made of, required what
	// Terraform or skysail can not do without.
	base     string
	required []string
	hints    map[string]string
	// credentials are by path: an argument, or one in an object.
	credentials map[string]credential
	// urlVariables can be set in place of a URL with a credential in it.
	urlVariables []string
	variables    []string
}

func env(names ...string) credential { return credential{variables: names} }

// backends are those of Terraform: internal/backend/remote-state/* in
// hashicorp/terraform, and the pages under
// https://developer.hashicorp.com/terraform/language/backend. OpenTofu's
// (https://opentofu.org/docs/language/settings/backends/configuration/) were
// not compared one by one.
var backends = map[string]backendKind{
	// remote-state/s3/backend.go, and hashicorp/aws-sdk-go-base for what the
	// SDK reads.
	"s3": {
		base:     "key",
		required: []string{"bucket"},
		hints:    map[string]string{"bucket": "the name of a bucket that exists"},
		credentials: map[string]credential{
			"access_key":       env("AWS_ACCESS_KEY_ID", "AWS_PROFILE"),
			"secret_key":       env("AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"),
			"token":            env("AWS_SESSION_TOKEN"),
			"sse_customer_key": env("AWS_SSE_CUSTOMER_KEY"),
			"assume_role_with_web_identity.web_identity_token": env("AWS_WEB_IDENTITY_TOKEN_FILE"),
		},
		variables: []string{
			"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION",
			"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_SSE_CUSTOMER_KEY",
			"AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
			"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
			"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
			"AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
			"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_SSO",
			"AWS_S3_ENDPOINT", "AWS_DYNAMODB_ENDPOINT", "AWS_IAM_ENDPOINT", "AWS_STS_ENDPOINT",
			"AWS_CA_BUNDLE", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT",
		},
	},
	// remote-state/gcs/backend.go.
	"gcs": {
		base:     "prefix",
		required: []string{"bucket"},
		hints:    map[string]string{"bucket": "the name of a bucket that exists"},
		credentials: map[string]credential{
			"credentials":    env("GOOGLE_BACKEND_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"),
			"access_token":   env("GOOGLE_OAUTH_ACCESS_TOKEN"),
			"encryption_key": env("GOOGLE_ENCRYPTION_KEY"),
		},
		variables: []string{
			"GOOGLE_BACKEND_CREDENTIALS", "GOOGLE_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_OAUTH_ACCESS_TOKEN",
			"GOOGLE_BACKEND_IMPERSONATE_SERVICE_ACCOUNT", "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT",
			"GOOGLE_ENCRYPTION_KEY", "GOOGLE_KMS_ENCRYPTION_KEY",
			"GOOGLE_BACKEND_STORAGE_CUSTOM_ENDPOINT", "GOOGLE_STORAGE_CUSTOM_ENDPOINT",
		},
	},
	// remote-state/pg/backend.go; lib/pq reads libpq's variables
	// (https://www.postgresql.org/docs/current/libpq-envars.html).
	"pg": {
		base: "schema_name",
		credentials: map[string]credential{
			"conn_str": {variables: []string{"PGPASSWORD", "PG_CONN_STR"}, harmless: passwordless},
		},
		variables: []string{
			"PG_CONN_STR", "PG_SCHEMA_NAME", "PG_SKIP_SCHEMA_CREATION", "PG_SKIP_TABLE_CREATION", "PG_SKIP_INDEX_CREATION",
			"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGPASSFILE", "PGAPPNAME", "PGCONNECT_TIMEOUT",
			"PGSSLMODE", "PGSSLCERT", "PGSSLKEY", "PGSSLROOTCERT", "PGSSLSNI", "PGKRBSRVNAME", "PGKRBSPN", "PGGSSLIB",
			"PGOPTIONS", "PGTZ", "PGDATESTYLE", "PGGEQO", "PGCLIENTENCODING", "PGTARGETSESSIONATTRS",
		},
	},
	// remote-state/http/backend.go.
	"http": {
		base:     "address",
		required: []string{"address"},
		hints:    map[string]string{"address": `where states are kept: each deployment gets a name below it, or in the place of {key}, as in "https://state.example.com/skysail/{key}"`},
		credentials: map[string]credential{
			"username":               env("TF_HTTP_USERNAME"),
			"password":               env("TF_HTTP_PASSWORD"),
			"client_private_key_pem": env("TF_HTTP_CLIENT_PRIVATE_KEY_PEM"),
		},
		urlVariables: []string{"TF_HTTP_PASSWORD"},
		// Not TF_HTTP_ADDRESS, _LOCK_ADDRESS and _UNLOCK_ADDRESS: these are
		// each deployment's own.
		variables: []string{
			"TF_HTTP_USERNAME", "TF_HTTP_PASSWORD", "TF_HTTP_UPDATE_METHOD", "TF_HTTP_LOCK_METHOD", "TF_HTTP_UNLOCK_METHOD",
			"TF_HTTP_RETRY_MAX", "TF_HTTP_RETRY_WAIT_MIN", "TF_HTTP_RETRY_WAIT_MAX",
			"TF_HTTP_CLIENT_CA_CERTIFICATE_PEM", "TF_HTTP_CLIENT_CERTIFICATE_PEM", "TF_HTTP_CLIENT_PRIVATE_KEY_PEM",
		},
	},
	// remote-state/kubernetes/backend.go.
	"kubernetes": {
		base: "secret_suffix",
		credentials: map[string]credential{
			"token":      env("KUBE_TOKEN"),
			"password":   env("KUBE_PASSWORD"),
			"client_key": env("KUBE_CLIENT_KEY_DATA"),
			"exec.env":   env("KUBE_TOKEN", "KUBE_CONFIG_PATH"),
		},
		urlVariables: []string{"KUBE_PROXY_URL"},
		variables: []string{
			"KUBE_CONFIG_PATH", "KUBE_CONFIG_PATHS", "KUBE_CTX", "KUBE_CTX_AUTH_INFO", "KUBE_CTX_CLUSTER", "KUBE_NAMESPACE",
			"KUBE_HOST", "KUBE_USER", "KUBE_PASSWORD", "KUBE_TOKEN", "KUBE_INSECURE", "KUBE_IN_CLUSTER_CONFIG", "KUBE_LOAD_CONFIG_FILE",
			"KUBE_CLIENT_CERT_DATA", "KUBE_CLIENT_KEY_DATA", "KUBE_CLUSTER_CA_CERT_DATA", "KUBE_PROXY_URL",
			"KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", // a pod's own
		},
	},
	// remote-state/azure/backend.go.
	"azurerm": {
		base:     "key",
		required: []string{"storage_account_name", "container_name"},
		hints: map[string]string{
			"storage_account_name": "the name of a storage account that exists",
			"container_name":       "the name of a container in it",
		},
		credentials: map[string]credential{
			"access_key":                  env("ARM_ACCESS_KEY"),
			"sas_token":                   env("ARM_SAS_TOKEN"),
			"client_secret":               env("ARM_CLIENT_SECRET", "ARM_CLIENT_SECRET_FILE_PATH"),
			"client_certificate":          env("ARM_CLIENT_CERTIFICATE", "ARM_CLIENT_CERTIFICATE_PATH"),
			"client_certificate_password": env("ARM_CLIENT_CERTIFICATE_PASSWORD"),
			"oidc_token":                  env("ARM_OIDC_TOKEN", "ARM_OIDC_TOKEN_FILE_PATH"),
			"oidc_request_token":          env("ARM_OIDC_REQUEST_TOKEN"),
		},
		variables: []string{
			"ARM_ACCESS_KEY", "ARM_SAS_TOKEN", "ARM_SUBSCRIPTION_ID", "ARM_TENANT_ID", "ARM_CLIENT_ID", "ARM_CLIENT_ID_FILE_PATH",
			"ARM_CLIENT_SECRET", "ARM_CLIENT_SECRET_FILE_PATH",
			"ARM_CLIENT_CERTIFICATE", "ARM_CLIENT_CERTIFICATE_PATH", "ARM_CLIENT_CERTIFICATE_PASSWORD",
			"ARM_ENVIRONMENT", "ARM_METADATA_HOSTNAME", "ARM_METADATA_HOST", "ARM_SNAPSHOT", "ARM_ENDPOINT",
			"ARM_USE_MSI", "ARM_MSI_ENDPOINT", "ARM_USE_CLI", "ARM_USE_AZUREAD", "ARM_USE_AKS_WORKLOAD_IDENTITY",
			"ARM_USE_OIDC", "ARM_OIDC_TOKEN", "ARM_OIDC_TOKEN_FILE_PATH", "ARM_OIDC_REQUEST_TOKEN", "ARM_OIDC_REQUEST_URL",
			"ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID",
			"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_ACCESSTOKEN", "SYSTEM_OIDCREQUESTURI",
			"AZURE_CONFIG_DIR", // the az command's own
		},
	},
}
