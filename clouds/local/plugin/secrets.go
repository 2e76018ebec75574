package plugin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/google/renameio/v2"

	"skysail/clouds/local"
	"skysail/internal/supervise"
	"skysail/internal/tfplugin"
)

// takeSecrets copies the file with the secrets into the service's folder,
// where a restart finds it, and returns its entries. A service without
// secrets has no such file; one that is started again without being handed
// any keeps those it has.
func takeSecrets(file string, f local.Folder) ([]string, error) {
	if file == "" {
		return keptSecrets(f)
	}
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return keptSecrets(f)
	}
	if err != nil {
		return nil, badSecrets(err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, badSecrets(fmt.Errorf("%s has mode %04o, so others can read it: make it 0600", file, info.Mode().Perm()))
	}
	b, err := os.ReadFile(file) //nolint:gosec // the deployment's own private file
	if err != nil {
		return nil, badSecrets(err)
	}
	entries, err := supervise.ParseEnvFile(string(b))
	if err != nil {
		return nil, badSecrets(fmt.Errorf("%s: %w", file, err))
	}
	if err := renameio.WriteFile(f.Secrets(), b, 0o600); err != nil {
		return nil, badSecrets(err)
	}
	return entries, nil
}

func keptSecrets(f local.Folder) ([]string, error) {
	b, err := os.ReadFile(f.Secrets())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, badSecrets(err)
	}
	entries, err := supervise.ParseEnvFile(string(b))
	if err != nil {
		return nil, badSecrets(err)
	}
	return entries, nil
}

// badSecrets never holds a value: neither the parser's errors nor the
// system's do.
func badSecrets(err error) error {
	return &tfplugin.Problem{Summary: fmt.Sprintf("the secrets can not be used: %v", err), Err: err}
}

// redact takes the values of secrets out of a program's own words.
func redact(line string, secrets []string) string {
	for _, s := range secrets {
		if _, value, _ := strings.Cut(s, "="); len(value) >= 4 {
			line = strings.ReplaceAll(line, value, "****")
		}
	}
	return line
}
