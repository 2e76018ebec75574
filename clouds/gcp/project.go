package gcp

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// projectVariables are those of Terraform's provider, in its order.
var projectVariables = []string{"GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"}

var errNoProject = errors.New("no Google Cloud project: set GOOGLE_CLOUD_PROJECT to the project's ID, or run `gcloud config set project PROJECT`")

// project is the one in which everything is made: a variable's, that of the
// key file, or that of gcloud's active configuration, as Google's client
// libraries look for it (google-auth google/auth/_default.py).
func (c *Cloud) project(cred *credential) (string, error) {
	if v := c.env.Get(projectVariables...); v != "" {
		return v, nil
	}
	if cred.project != "" {
		return cred.project, nil
	}
	if v := c.configured(); v != "" {
		return v, nil
	}
	return "", errNoProject
}

// gcloud is the folder of gcloud's files, empty when there can be none.
func (c *Cloud) gcloud() string {
	if v := c.env.Get("CLOUDSDK_CONFIG"); v != "" {
		return v
	}
	if v := c.env.Get("HOME"); v != "" {
		return filepath.Join(v, ".config", "gcloud")
	}
	return ""
}

// configured is the project of gcloud's active configuration, empty when it
// has none.
func (c *Cloud) configured() string {
	dir := c.gcloud()
	if dir == "" {
		return ""
	}
	name := c.env.Get("CLOUDSDK_ACTIVE_CONFIG_NAME")
	if name == "" {
		active, err := os.ReadFile(filepath.Join(dir, "active_config")) //nolint:gosec // the user's own folder
		if name = strings.TrimSpace(string(active)); err != nil || name == "" {
			name = "default"
		}
	}
	content, err := os.ReadFile(filepath.Join(dir, "configurations", "config_"+filepath.Base(name))) //nolint:gosec // the user's own folder
	if err != nil {
		return ""
	}
	return setting(content, "core", "project")
}

// setting reads one value of a file with [sections] and `name = value` lines.
func setting(content []byte, section, name string) string {
	here := false
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			here = line == "["+section+"]"
			continue
		}
		if k, v, ok := strings.Cut(line, "="); ok && here && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
