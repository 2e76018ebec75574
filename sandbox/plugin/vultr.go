package plugin

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/vultr/govultr/v3"
	"golang.org/x/oauth2"

	"skysail/internal/tfplugin"
)

// vultrAPI is fixed, as in the real provider: the sandbox is reached by proxy.
const vultrAPI = "https://api.vultr.com"

// vultrRetryWait bounds the pause between the attempts of one request. The
// real provider's is 500 ms; it makes as many attempts.
const vultrRetryWait = 100 * time.Millisecond

func newVultr() *tfplugin.Provider[*vultrCloud] {
	return &tfplugin.Provider[*vultrCloud]{
		Source:      VultrSource,
		Schema:      schema("vultr.json", VultrSource),
		LegacyTypes: true,
		EnvDefaults: map[string][]string{"api_key": {"VULTR_API_KEY"}},
		Configure:   vultrClient,
		Resources: map[string]*tfplugin.Resource[*vultrCloud]{
			"vultr_instance":       vultrInstanceResource(),
			"vultr_firewall_group": vultrGroupResource(),
			"vultr_firewall_rule":  vultrRuleResource(),
			"vultr_ssh_key":        vultrKeyResource(),
			"vultr_block_storage":  vultrBlockResource(),
		},
	}
}

// vultrCloud is the SDK's client. The SDK of the real provider's release gives
// an API's error as the whole body of the answer, today's gives only the
// message in it; answers keeps the bodies by message, to say what the real
// provider says.
type vultrCloud struct {
	*govultr.Client
	answers *sync.Map
}

func vultrClient(_ context.Context, config tfplugin.Object) (*vultrCloud, error) {
	endpoint, err := url.Parse(vultrAPI)
	if err != nil {
		return nil, err
	}
	if err := onlySandbox(endpoint); err != nil {
		return nil, err
	}
	roots, err := trustedRoots()
	if err != nil {
		return nil, err
	}
	answers := &sync.Map{}
	client := govultr.NewClient(&http.Client{Transport: &oauth2.Transport{
		Source: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: config.String("api_key")}),
		Base: &answerKeeper{answers: answers, next: &http.Transport{
			Proxy:           http.ProxyFromEnvironment,
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		}},
	}})
	wait := vultrRetryWait
	if limit := config.Int("rate_limit"); limit != 0 {
		wait = time.Duration(limit) * time.Millisecond
	}
	client.SetRateLimit(wait)
	if limit := config.Int("retry_limit"); limit != 0 {
		client.SetRetryLimit(limit)
	}
	return &vultrCloud{Client: client, answers: answers}, nil
}

// answerKeeper keeps the bodies of refusals.
type answerKeeper struct {
	next    http.RoundTripper
	answers *sync.Map
}

func (k *answerKeeper) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := k.next.RoundTrip(req)
	if err != nil || resp.StatusCode < http.StatusBadRequest {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &said) == nil && said.Error != "" {
		k.answers.Store(said.Error, strings.TrimSpace(string(body)))
	}
	return resp, nil
}

// words gives an error of the SDK the text it has in the real provider.
func (c *vultrCloud) words(err error) error {
	message, ok := strings.CutPrefix(err.Error(), "error returned from api : ")
	if !ok {
		return err
	}
	if body, ok := c.answers.Load(message); ok {
		return &vultrError{body: body.(string), err: err}
	}
	return err
}

type vultrError struct {
	body string
	err  error
}

func (e *vultrError) Error() string { return e.body }
func (e *vultrError) Unwrap() error { return e.err }

// missing says that an error is the API's word for "there is no such thing":
// the status, or one of the phrases that the real provider looks for.
func (c *vultrCloud) missing(err error, phrases ...string) bool {
	if err == nil {
		return false
	}
	text := c.words(err).Error()
	for _, p := range append(phrases, `"status":404`) {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}
