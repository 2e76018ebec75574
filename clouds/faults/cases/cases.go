// Package cases reads what providers were seen to say, as data: each text as
// Terraform shows it, with the class and scope that it must get and where it
// was seen. Tests of the tables and of deployments share them; the product
// does not need them.
package cases

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"skysail/clouds/faults"
)

// Case is one text.
type Case struct {
	// Text is a whole diagnostic of Terraform's, summary and detail joined by
	// ": ". Where Said is given it is made of it.
	Text  string       `yaml:"text"`
	Class faults.Class `yaml:"class"`
	Scope faults.Scope `yaml:"scope"`
	// Source is the page, or the file of a provider's source, that shows it.
	Source string `yaml:"source"`
	// Said is what the API itself says when a server is created, for texts that
	// can come so.
	Said *Said `yaml:"said"`
}

// Said is a refusal at the wire.
type Said struct {
	Status  int    `yaml:"status"`
	Code    string `yaml:"code"`
	Message string `yaml:"message"`
}

// Load reads a file of cases.
func Load(path string) ([]Case, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // a test's own data
	if err != nil {
		return nil, err
	}
	var f struct {
		// Form is how the provider's plugin writes a refusal of a create; Later
		// is the form where an operation tells it, and then codes in capitals
		// are told so.
		Form  string `yaml:"form"`
		Later string `yaml:"later"`
		Cases []Case `yaml:"cases"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for i := range f.Cases {
		c := &f.Cases[i]
		if (c.Text == "") == (c.Said == nil) {
			return nil, fmt.Errorf("%s, case %d: it needs a text, or what was said", path, i+1)
		}
		if c.Said == nil {
			continue
		}
		form := f.Form
		if f.Later != "" && c.Said.Code == strings.ToUpper(c.Said.Code) {
			form = f.Later
		}
		c.Text = strings.NewReplacer("STATUS", strconv.Itoa(c.Said.Status), "CODE", c.Said.Code, "MESSAGE", c.Said.Message).Replace(form)
	}
	return f.Cases, nil
}
