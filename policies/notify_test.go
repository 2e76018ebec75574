package policies

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNotifyFiles(t *testing.T) {
	want := []Notify{
		{Kind: NotifyWebhook, URLEnv: "ALERTS_URL", TokenEnv: "ALERTS_TOKEN"},
		{Kind: NotifyWebhook, URLEnv: "OTHER_URL"},
		{Kind: NotifySlack, URLEnv: "SLACK_URL", Severities: []string{SeverityTicket}},
		{Kind: NotifyPagerDuty, RoutingKeyEnv: "PAGERDUTY_KEY", Region: "eu", Severities: []string{SeverityPage}},
		{
			Kind: NotifyEmail, SMTP: "mail.example.com:587", From: "skysail@example.com", To: []string{"ops@example.com", "lead@example.com"},
			UserEnv: "MAIL_USER", PasswordEnv: "MAIL_PASSWORD",
		},
	}
	for _, name := range []string{"notify.hcl", "notify.json"} {
		got, err := load(filepath.Join("testdata", "valid", name), testOptions)
		if err != nil {
			t.Errorf("%s\n%v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got.Notify); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
