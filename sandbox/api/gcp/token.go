package gcp

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"skysail/sandbox/api"
)

const (
	jwtGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	// tokenLife is how long Google's tokens are good. The sandbox's is good as
	// long as its world.
	tokenLife = time.Hour
	// clockSkew is by how much a client's clock may be off.
	clockSkew = 5 * time.Minute
)

// oauthError is a refusal in the form of RFC 6749, which the token endpoint
// has and no other.
type oauthError struct{ code, text string }

func (e *oauthError) Error() string { return e.code + ": " + e.text }

func badGrant(text string) error { return &oauthError{"invalid_grant", text} }

func (s *server) tokenRoutes() routes {
	return routes{
		"POST /token":              s.token,
		"POST /oauth2/v4/token":    s.token,
		"GET /tokeninfo":           s.tokeninfo,
		"GET /oauth2/v3/tokeninfo": s.tokeninfo,
	}
}

// token gives the access token for an assertion that the service account's
// key has signed (RFC 7523).
func (s *server) token(w http.ResponseWriter, r *http.Request) (any, error) {
	r.Body = http.MaxBytesReader(w, r.Body, api.MaxBody)
	if err := r.ParseForm(); err != nil {
		return nil, &oauthError{"invalid_request", "Could not parse the request."}
	}
	switch grant := r.PostForm.Get("grant_type"); grant {
	case jwtGrant:
	case "refresh_token":
		return nil, &oauthError{"unsupported_grant_type", "the skysail sandbox has no users whose refresh tokens it could know; use the service account of GOOGLE_APPLICATION_CREDENTIALS"}
	default:
		return nil, &oauthError{"unsupported_grant_type", "Invalid grant_type: " + grant}
	}
	if err := s.verify(r.PostForm.Get("assertion")); err != nil {
		return nil, err
	}
	return map[string]any{
		"access_token": s.World.State().Tokens[provider], "expires_in": int(tokenLife.Seconds()) - 1, "token_type": "Bearer",
	}, nil
}

// verify says what is wrong with a signed assertion.
func (s *server) verify(assertion string) error {
	signed, sig, ok := cutLast(assertion, ".")
	head, claims, ok2 := strings.Cut(signed, ".")
	if !ok || !ok2 {
		return badGrant("Invalid JWT: Failed to parse")
	}
	var header struct {
		Alg string `json:"alg"`
	}
	var claim struct {
		Iss   string `json:"iss"`
		Aud   string `json:"aud"`
		Scope string `json:"scope"`
		Iat   int64  `json:"iat"`
		Exp   int64  `json:"exp"`
	}
	signature, err := base64.RawURLEncoding.DecodeString(sig)
	if err != nil || part(head, &header) != nil || part(claims, &claim) != nil {
		return badGrant("Invalid JWT: Failed to parse")
	}
	if claim.Iss != accountEmail {
		return badGrant("Invalid grant: account not found")
	}
	key, err := readAccountKey(s.World.State().Tokens[accountKey])
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(signed))
	if header.Alg != "RS256" || rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return badGrant("Invalid JWT Signature.")
	}
	now := s.World.Now()
	switch iat, exp := time.Unix(claim.Iat, 0), time.Unix(claim.Exp, 0); {
	case !strings.HasSuffix(claim.Aud, "/token"):
		return badGrant("Invalid JWT: Failed audience check.")
	case now.After(exp.Add(clockSkew)) || now.Before(iat.Add(-clockSkew)) || exp.Sub(iat) > tokenLife+clockSkew:
		return badGrant("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.")
	case claim.Scope == "":
		return &oauthError{"invalid_scope", "Invalid OAuth scope or ID token audience provided."}
	}
	return nil
}

func part(text string, v any) error {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// tokeninfo says whose a token is to whoever has it.
func (s *server) tokeninfo(_ http.ResponseWriter, r *http.Request) (any, error) {
	if r.FormValue("access_token") != s.World.State().Tokens[provider] {
		return nil, &oauthError{"invalid_token", "Invalid Value"}
	}
	return map[string]any{"azp": accountID, "aud": accountID, "email": accountEmail, "email_verified": "true", "expires_in": "3599", "access_type": "online"}, nil
}

func (s *server) userinfo(http.ResponseWriter, *http.Request) (any, error) {
	return map[string]any{"sub": accountID, "email": accountEmail, "email_verified": true}, nil
}

func (s *server) getManagedProject(_ http.ResponseWriter, r *http.Request) (any, error) {
	if strings.HasPrefix(r.URL.Path, "/v3/") {
		return map[string]any{"name": "projects/" + projectNumber, "projectId": Project, "state": "ACTIVE", "displayName": "skysail sandbox"}, nil
	}
	return map[string]any{"projectNumber": projectNumber, "projectId": Project, "lifecycleState": "ACTIVE", "name": "skysail sandbox"}, nil
}
