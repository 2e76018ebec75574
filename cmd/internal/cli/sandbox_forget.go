package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"skysail/deploy"
)

// forgetSimulated drops what earlier attempts met in the sandbox, when there
// is anything that remembers.
func forgetSimulated(ctx context.Context) error {
	home := deploy.DefaultHome()
	if _, err := os.Stat(filepath.Join(home, "skysail.db")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return withDeployer(ctx, deploy.Options{Home: home}, func(d *deploy.Deployer) error {
		return d.ForgetShortages(ctx, true)
	})
}
