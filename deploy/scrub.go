package deploy

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

// hidden stands in an event for a secret that a provider quoted.
const hidden = "(hidden)"

// shortestSecret is the least length of a value that is looked for in events:
// a shorter one would hide words that it only happens to be part of.
const shortestSecret = 6

// secrets are the values that no event may show. They have a lock of their own:
// events are told while a Deployer's other locks are held.
type secrets struct {
	mu     sync.Mutex
	values []string
}

func (s *secrets) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.values)
}

// hide keeps values out of every event from now on, as they are and as JSON
// writes them.
func (d *Deployer) hide(values ...string) {
	s := &d.secret
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		if len(v) < shortestSecret || slices.Contains(s.values, v) {
			continue
		}
		s.values = append(s.values, v)
		if b, err := json.Marshal(v); err == nil && string(b) != `"`+v+`"` {
			s.values = append(s.values, string(b[1:len(b)-1]))
		}
	}
	// The longest first: one value can be part of another.
	slices.SortFunc(s.values, func(a, b string) int { return len(b) - len(a) })
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
	for _, s := range d.secret.all() {
		text = strings.ReplaceAll(text, s, hidden)
	}
	return text
}
