package deploy

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"skysail/policies"
)

// secretsMACFile tells later whether values changed, without holding them: a
// MAC with the deployment's SSH key, beside which it lies.
const secretsMACFile = "secrets.mac"

// noteSecrets keeps what secretsChanged needs after a hand-over.
func noteSecrets(a *attempt, values map[string]string) error {
	if a.row.Provider == policies.Local {
		return nil // the values are in its own folder
	}
	mac, err := secretsMAC(a, values)
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(a.private(), secretsMACFile), []byte(mac), 0o600)
}

// secretsChanged says whether the instances may have other values than these.
// Where nothing tells, they may.
func secretsChanged(a *attempt, values map[string]string) bool {
	file, want := secretsMACFile, ""
	if a.row.Provider == policies.Local {
		file, want = secretsFile, string(secretsEnv(values))
	} else {
		var err error
		if want, err = secretsMAC(a, values); err != nil {
			return true
		}
	}
	have, err := os.ReadFile(filepath.Join(a.private(), file))
	if errors.Is(err, fs.ErrNotExist) {
		return len(values) > 0
	}
	return err != nil || !bytes.Equal(have, []byte(want))
}

func secretsMAC(a *attempt, values map[string]string) (string, error) {
	key, err := os.ReadFile(filepath.Join(a.private(), clientKeyFile))
	if err != nil {
		return "", fmt.Errorf("secrets: %w", err)
	}
	h := hmac.New(sha256.New, key)
	h.Write(secretsEnv(values))
	return hex.EncodeToString(h.Sum(nil)) + "\n", nil
}
