package faults_test

import (
	"strings"
	"testing"

	"skysail/clouds/faults"
)

func TestCleanMasksWhatAnErrorEchoes(t *testing.T) {
	for _, text := range []string{
		`400 Bad Request: Authorization: Bearer SECRETSECRETSECRET was refused`,
		`headers {"authorization":"Bearer SECRETSECRETSECRET"}`,
		`Authorization: AWS4-HMAC-SHA256 Credential=AKID/x, Signature=SECRETSECRET`,
		`Get "https://user:SECRET@proxy.example.com:3128/": refused`,
		`Get "https://example.com/x?a=b&access_token=SECRET&c=d": refused`,
		`Get "https://example.com/x?X-Amz-Security-Token=SECRET": refused`,
		`{"error":"no","request":{"user_data":"SECRET","label":"x"}}`,
		`last error: "{\"default_password\":\"SECRET\",\"status\":500}"`,
		"bad key -----BEGIN OPENSSH PRIVATE KEY-----\nSECRET\n-----END OPENSSH PRIVATE KEY----- given",
		`token dop_v1_0123456789abcdef0123456789abcdefSECRET`[:40],
		`token ya29.a0SECRETSECRETSECRETSECRET`,
	} {
		got := faults.Clean(text)
		if strings.Contains(got, "SECRET") || strings.Contains(got, "0123456789abcdef") || !strings.Contains(got, "[masked]") {
			t.Errorf("%s\n  became %s", text, got)
		}
	}
	for _, text := range []string{
		`Error creating droplet: POST https://api.digitalocean.com/v2/droplets: 401 (request "r") Unable to authenticate you`,
		"reading SSM Parameter (/aws/service/x): ParameterNotFound: ", "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie",
		`{"error":"Invalid user_data","status":400}`,
	} {
		if got := faults.Clean(text); got != text {
			t.Errorf("%s\n  became %s", text, got)
		}
	}
}

func TestAnUnknownTextIsKeptWholeUpToABound(t *testing.T) {
	text := "nobody has seen this: " + strings.Repeat("é", 3000)
	if v := faults.Common().Judge(text); v.Class != faults.Unknown || v.Message != text || v.Source != "" {
		t.Errorf("%+v", v)
	}
	long := strings.Repeat("é", faults.MaxMessage)
	v := faults.Common().Judge(long)
	if len(v.Message) > faults.MaxMessage+40 || !strings.HasSuffix(v.Message, "bytes more)") || strings.ContainsRune(v.Message, '\uFFFD') {
		t.Errorf("%d bytes, …%q", len(v.Message), v.Message[len(v.Message)-40:])
	}
}
