package plugin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"skysail/clouds"
	"skysail/internal/tfplugin"
)

// maxArchive bounds a download.
const maxArchive = 2 << 30

// fetch gets an archive into a file and checks its digest, so that nothing of
// it is looked at before it is known to be the right one.
func fetch(ctx context.Context, env clouds.Env, from, digest, file string) error {
	u, err := archiveURL(from)
	if err != nil {
		return err
	}
	body, err := open(ctx, env, u)
	if err != nil {
		return err
	}
	defer body.Close()                                                       //nolint:errcheck // only read
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // in the service's own folder
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(body, maxArchive+1))
	if err = errors.Join(err, out.Close()); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return &tfplugin.Problem{Summary: fmt.Sprintf("the archive can not be downloaded: %s: %v", shown(u), err), Err: err}
	}
	if n > maxArchive {
		return &tfplugin.Problem{
			Summary: fmt.Sprintf("the archive can not be unpacked: %s is larger than %d GiB", shown(u), maxArchive>>30),
			Detail:  "Leave out of the archive what the program can fetch or make when it runs.",
		}
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != digest {
		return &tfplugin.Problem{
			Summary:   "the archive's SHA-256 is not the one that the service names",
			Detail:    fmt.Sprintf("%s has %s, the service names %s. Either the file was changed after the service was written, or what came is not it. Nothing of it was run. If the file is right, put its digest into the service.", shown(u), got, digest),
			Attribute: "sha256",
		}
	}
	return nil
}

// open starts a download. Its errors name no attribute: Terraform would show
// that line of the configuration, with the credentials that a URL can hold.
func open(ctx context.Context, env clouds.Env, u *url.URL) (io.ReadCloser, error) {
	if u.Scheme == "file" {
		f, err := os.Open(u.Path) //nolint:gosec // the file that the user names
		if err != nil {
			return nil, &tfplugin.Problem{
				Summary: fmt.Sprintf("the archive can not be downloaded: %v", err),
				Detail:  "Build the archive, or mend the path in the service file.",
				Err:     err,
			}
		}
		return f, nil
	}
	client, err := clouds.HTTPClient(env)
	if err != nil {
		return nil, err
	}
	client.Timeout = 0 // a large archive takes its time; the attempt has a deadline
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // its text holds the URL, credentials and all
		}
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, &tfplugin.Problem{Summary: fmt.Sprintf("the archive can not be downloaded: %s: %v", shown(u), err), Err: err}
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, &tfplugin.Problem{
			Summary: fmt.Sprintf("the archive can not be downloaded: %s answered %s", shown(u), resp.Status),
			Detail:  "See that the URL in the service file is right and can be read without logging in.",
		}
	}
	return resp.Body, nil
}

// shown is a URL without what may be secret in it.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
