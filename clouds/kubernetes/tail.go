package kubernetes

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"

	"skysail/clouds/faults"
)

const (
	// tailLines and tailBytes bound what a diagnosis quotes of a log.
	tailLines = 20
	tailBytes = 4 << 10
)

// explainEnds adds the last log lines to findings about containers that end,
// without the values of the deployment's Secrets. Where those can not be read
// there are no log lines either.
func (c *Cloud) explainEnds(ctx context.Context, api *api, id string, d *Diagnosis, pods []corev1.Pod) {
	var secrets map[string]string
	for i := range d.Findings {
		f := &d.Findings[i]
		if f.Container == "" || f.Verdict.Class != faults.Service {
			continue
		}
		p, ok := byName(pods, f.Name)
		if !ok {
			continue
		}
		if secrets == nil {
			var err error
			if secrets, err = c.secretValues(ctx, api, id); err != nil {
				f.Text += "; its log is left out, as the deployment's secrets can not be read to take them out of it"
				continue
			}
		}
		if lines := c.tail(ctx, api, p, f.Container); lines != "" {
			f.Text += "; its last lines:\n" + faults.Clean(hide(lines, secrets))
		}
	}
}

func byName(pods []corev1.Pod, name string) (Pod, bool) {
	for i := range pods {
		if pods[i].Name == name {
			return pod(&pods[i]), true
		}
	}
	return Pod{}, false
}

// tail is the end of a container's log: of the run that ended, so of the one
// before where it runs again.
func (c *Cloud) tail(ctx context.Context, api *api, p Pod, name string) string {
	f := &follower{cloud: c, api: api, options: LogOptions{Tail: tailLines}}
	for _, previous := range f.order(p, name) {
		var lines []string
		err := f.stream(ctx, p, name, &mark{}, previous, false, func(l LogLine) error {
			lines = append(lines, l.Text)
			return nil
		})
		if err == nil && len(lines) > 0 {
			return lastBytes(strings.Join(lines, "\n"))
		}
	}
	return ""
}

// order is in which order the runs of a container are asked.
func (*follower) order(p Pod, name string) []bool {
	for _, c := range p.Containers {
		if c.Name == name && c.State == "running" && c.Last != nil {
			return []bool{true, false}
		}
	}
	return []bool{false, true}
}

func lastBytes(s string) string {
	if len(s) <= tailBytes {
		return s
	}
	cut := len(s) - tailBytes
	for cut < len(s) && !utf8.RuneStart(s[cut]) {
		cut++
	}
	return fmt.Sprintf("(%d bytes left out) … %s", cut, s[cut:])
}

// secretValues are the values of a deployment's Secrets.
func (c *Cloud) secretValues(ctx context.Context, api *api, id string) (map[string]string, error) {
	sel, err := selector(id)
	if err != nil {
		return nil, err
	}
	list, err := all[corev1.Secret](ctx, api, call{path: secretKind.path(c.namespace, ""), query: url.Values{"labelSelector": {sel}}})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, s := range list {
		for k, v := range s.Data {
			out[s.Name+"/"+k] = string(v)
		}
	}
	return out, nil
}
