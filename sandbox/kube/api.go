package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Content types of what is sent.
const (
	jsonType  = "application/json"
	applyType = "application/apply-patch+yaml" // YAML or JSON
	mergeType = "application/merge-patch+json"
)

// StatusError is an answer of the API that is no success.
type StatusError struct {
	Code    int    `json:"code"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the Kubernetes API answered %d %s: %s", e.Code, e.Reason, e.Message)
}

// administrator is the client of this package: the setting up of a cluster
// needs few calls, so they are made without a generated client.
func (c *Cluster) administrator() (*http.Client, error) {
	certPEM, keyPEM, err := c.ca.issue(admin)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("administrator's certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(c.caPEM)
	return &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: true,
		},
	}, nil
}

// Do calls the API as administrator. in is sent as JSON, or as it is when it
// is []byte; out, when not nil, takes the answer. An answer other than 2xx is
// a *StatusError.
func (c *Cluster) Do(ctx context.Context, method, path string, in, out any) error {
	t := jsonType
	if method == http.MethodPatch {
		t = mergeType
	}
	return c.call(ctx, method, path, t, in, out)
}

// Apply makes the object at a path what it is told to be, by server-side
// apply: it is made when it is not there.
func (c *Cluster) Apply(ctx context.Context, path string, object any) error {
	return c.call(ctx, http.MethodPatch, path+"?fieldManager=skysail-sandbox&force=true", applyType, object, nil)
}

func (c *Cluster) call(ctx context.Context, method, path, contentType string, in, out any) error {
	raw, ok := in.([]byte)
	if !ok && in != nil {
		var err error
		if raw, err = json.Marshal(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.server()+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", jsonType)
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		e := &StatusError{}
		if json.Unmarshal(body, e) != nil || e.Message == "" {
			e.Message = string(body)
		}
		e.Code = res.StatusCode
		return e
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(body, out)
}
