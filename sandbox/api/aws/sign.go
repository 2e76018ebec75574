package aws

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"skysail/sandbox/world"
)

// clockSkew is how far the time of a request may be from the server's.
const clockSkew = 15 * time.Minute

// scope is what the Authorization header of Signature Version 4 says. See
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
type scope struct {
	key, region, service string
	headers              []string // that are signed
}

func readScope(r *http.Request) (scope, error) {
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return scope{}, errors.New("not signed")
	}
	var sc scope
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			p := strings.Split(value, "/")
			if len(p) != 5 {
				return scope{}, errors.New("not a credential scope")
			}
			sc.key, sc.region, sc.service = p[0], p[2], p[3]
		case "SignedHeaders":
			sc.headers = strings.Split(value, ";")
		}
	}
	if sc.service == "" {
		return scope{}, errors.New("no credential scope")
	}
	return sc, nil
}

// authenticate checks the key, computes the signature with the account's
// secret as the official SDK does, and compares it with the one that came.
func (s *server) authenticate(c *call, words authWords) error {
	tokens := s.World.State().Tokens
	if subtle.ConstantTimeCompare([]byte(c.key), []byte(tokens[world.AWSKeyID])) != 1 {
		return words.unknownKey
	}
	switch struck, err := s.AuthFault(provider); {
	case err != nil:
		return err
	case struck:
		return words.unknownKey
	}
	at, err := time.Parse("20060102T150405Z", c.Header.Get("X-Amz-Date"))
	if err != nil {
		return words.wrongSignature
	}
	if d := time.Since(at); d > clockSkew || d < -clockSkew {
		return words.expired
	}
	want, err := signature(c, tokens[world.AWS], at)
	if err != nil {
		return fmt.Errorf("computing a signature: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(signatureIn(c.Header.Get("Authorization"))), []byte(want)) != 1 {
		return words.wrongSignature
	}
	return nil
}

func signature(c *call, secret string, at time.Time) (string, error) {
	u := *c.URL
	u.Host = c.Host
	again, err := http.NewRequestWithContext(context.Background(), c.Method, u.String(), http.NoBody)
	if err != nil {
		return "", err
	}
	again.Host = c.Host
	if slices.Contains(c.headers, "content-length") {
		again.ContentLength = int64(len(c.body))
	}
	for _, name := range c.headers {
		if v := c.Header.Values(name); len(v) > 0 && name != "content-length" {
			again.Header[http.CanonicalHeaderKey(name)] = slices.Clone(v)
		}
	}
	sum := sha256.Sum256(c.body)
	credentials := awssdk.Credentials{AccessKeyID: c.key, SecretAccessKey: secret}
	if err := v4.NewSigner().SignHTTP(context.Background(), credentials, again, hex.EncodeToString(sum[:]), c.service, c.region, at); err != nil {
		return "", err
	}
	return signatureIn(again.Header.Get("Authorization")), nil
}

func signatureIn(authorization string) string {
	_, sig, _ := strings.Cut(authorization, "Signature=")
	return sig
}
