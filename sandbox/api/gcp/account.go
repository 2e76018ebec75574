package gcp

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	"skysail/sandbox/world"
)

// CredentialsFile is the service account's key in the sandbox's folder.
const CredentialsFile = "gcp-service-account.json" //nolint:gosec // a file's name

// The simulated account, and the host that gives its tokens.
const (
	accountEmail = "skysail@" + Project + ".iam.gserviceaccount.com"
	accountID    = "117540226638190377465"
	tokenURI     = "https://oauth2.googleapis.com/token" //nolint:gosec // an address
)

// accountKey is the name in State.Tokens of the service account's private key.
const accountKey = "gcp_service_account_key"

// accountKeyBits is the size of the keys that Google makes.
const accountKeyBits = 2048

// Credentials returns the service account's key file in Google's form, which
// google.Credentials and GOOGLE_APPLICATION_CREDENTIALS take. It makes the key
// when the world has none yet; afterwards it is the same each time.
func Credentials(w *world.World) ([]byte, error) {
	if w.State().Tokens[accountKey] == "" {
		key, err := newAccountKey()
		if err != nil {
			return nil, err
		}
		err = w.Update(func(st *world.State) error {
			if st.Tokens[accountKey] == "" {
				st.Tokens[accountKey] = key
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	text := w.State().Tokens[accountKey]
	key, err := readAccountKey(text)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(map[string]string{
		"type":                        "service_account",
		"project_id":                  Project,
		"private_key_id":              keyID(key),
		"private_key":                 text,
		"client_email":                accountEmail,
		"client_id":                   accountID,
		"auth_uri":                    "https://accounts.google.com/o/oauth2/auth",
		"token_uri":                   tokenURI,
		"auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
		"client_x509_cert_url":        "https://www.googleapis.com/robot/v1/metadata/x509/skysail%40" + Project + ".iam.gserviceaccount.com",
		"universe_domain":             "googleapis.com",
	}, "", "  ")
}

func newAccountKey() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, accountKeyBits)
	if err != nil {
		return "", fmt.Errorf("making the simulated service account's key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("making the simulated service account's key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

func readAccountKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("the simulated service account's key is damaged")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the simulated service account's key is damaged: %w", err)
	}
	rsaKey, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the simulated service account's key is a %T", key)
	}
	return rsaKey, nil
}

// keyID names a key in 40 hexadecimal digits, as Google's key IDs are.
func keyID(key *rsa.PrivateKey) string {
	sum := sha256.Sum256(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	return hex.EncodeToString(sum[:20])
}
