package deploy

import (
	"encoding/json"
	"slices"
	"strings"
)

// hidden stands in an event for a secret that a provider quoted.
const hidden = "(hidden)"

// shortestSecret is the least length of a value that is looked for in events:
// a shorter one would hide words that it only happens to be part of.
const shortestSecret = 6

// hide keeps values out of every event from now on, as they are and as JSON
// writes them.
func (d *Deployer) hide(values ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range values {
		if len(v) < shortestSecret || slices.Contains(d.secret, v) {
			continue
		}
		d.secret = append(d.secret, v)
		if b, err := json.Marshal(v); err == nil && string(b) != `"`+v+`"` {
			d.secret = append(d.secret, string(b[1:len(b)-1]))
		}
	}
	// The longest first: one value can be part of another.
	slices.SortFunc(d.secret, func(a, b string) int { return len(b) - len(a) })
}

// hideCredentials hides what this environment has for clouds.
func (d *Deployer) hideCredentials(env map[string]string) {
	for name, v := range env {
		name = strings.ToUpper(name)
		for _, part := range []string{"SECRET", "TOKEN", "PASSWORD", "API_KEY", "ACCESS_KEY"} {
			if strings.Contains(name, part) && !strings.HasSuffix(name, "_FILE") {
				d.hide(v)
				break
			}
		}
	}
}

func (d *Deployer) scrub(text string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.secret {
		text = strings.ReplaceAll(text, s, hidden)
	}
	return text
}
