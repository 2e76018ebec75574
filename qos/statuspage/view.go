package statuspage

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"skysail/qos"
	"skysail/qos/monitor"
	"skysail/store"
)

// pageView is what a page shows.
type pageView struct {
	Title  string
	Now    instant
	Banner bannerView
	// Problem is why what is shown may be old.
	Problem     string
	Deployments []*deploymentView
	// One is set on the page of one deployment.
	One   *deploymentView
	Ticks []instant
}

type deploymentView struct {
	Name, Path, Provider, Region, Type, Phase, Reason string

	State          State
	Counts         string // of its instances' states
	Stuck, Sandbox bool
	Created        instant
	Read           instant
	ReadAgo        string // empty when nothing was read
	Instances      []instanceView
	Watch          watchView
}

// WatchLine is its alerts, objectives and maintenance in a line.
func (d *deploymentView) WatchLine() string { return watchLine([]*deploymentView{d}) }

type instanceView struct {
	Key, Name string // Key is its HTML id
	State     State
	Read      instant
	ReadAgo   string
	Why       []string
	Sources   []sourceView
	Past      pastView
}

type sourceView struct {
	Name, Word string // Word is read, failed or stale
	Read       instant
	ReadAgo    string
	Why        string
}

// views makes what is shown of all deployments; those that have a name of only
// that one, with lines.
func (s *Site) views(ctx context.Context, now time.Time, only string) ([]*deploymentView, error) {
	all, err := s.data.Deployments(ctx)
	if err != nil {
		return nil, err
	}
	samples := map[string][]qos.Sample{}
	for _, x := range s.data.Latest().Samples {
		samples[x.Deployment] = append(samples[x.Deployment], x)
	}
	sources := map[string][]monitor.Source{}
	for _, x := range s.data.Sources() {
		sources[x.DeploymentID] = append(sources[x.DeploymentID], x)
	}
	w := windowAt(now)
	out := make([]*deploymentView, 0, len(all))
	for _, d := range all {
		if only != "" && d.Name != only {
			continue
		}
		past, err := s.pastOf(ctx, d.ID, w, only != "", now)
		if err != nil {
			return nil, err
		}
		out = append(out, viewOf(d, samples[d.Name], sources[d.ID], past, w, now))
	}
	slices.SortStableFunc(out, func(a, b *deploymentView) int {
		return cmp.Or(cmp.Compare(b.severity(), a.severity()), cmp.Compare(a.Name, b.Name))
	})
	return out, nil
}

// severity puts what somebody must look at first.
func (d *deploymentView) severity() int {
	if d.Stuck || d.Watch.pages() > 0 {
		return max(d.State.severity(), Degraded.severity())
	}
	return d.State.severity()
}

func viewOf(d Deployment, samples []qos.Sample, sources []monitor.Source, pasts map[string]*past, w window, now time.Time) *deploymentView {
	v := &deploymentView{
		Name: words(d.Name), Path: "/deployments/" + url.PathEscape(d.Name), Provider: words(d.Provider), Region: words(d.Region), Type: words(d.Type), Phase: words(d.Phase),
		Reason: words(d.Reason), Stuck: d.Phase == string(store.Stuck), Sandbox: d.Sandbox, Created: instant{d.CreatedAt}, Watch: watchOf(d, now),
	}
	var parts []State
	for _, name := range namesOf(d, sources) {
		i := instanceOf(name, samples, sources, now)
		i.Past = viewPast(pasts[name], w, now, d.CreatedAt)
		if i.Read.After(v.Read.Time) {
			v.Read = i.Read
		}
		parts = append(parts, i.State)
		v.Instances = append(v.Instances, i)
	}
	v.State, v.Counts = together(parts), tell(parts)
	if !v.Read.IsZero() {
		v.ReadAgo = ago(now.Sub(v.Read.Time))
	}
	return v
}

func namesOf(d Deployment, sources []monitor.Source) []string {
	var names []string
	for _, x := range sources {
		names = append(names, x.Instance)
	}
	if !d.InstancesChange || len(names) == 0 {
		names = append(names, d.Instances...)
	}
	slices.SortFunc(names, func(a, b string) int {
		// hello-2 comes before hello-10.
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
	return slices.Compact(names)
}

func instanceOf(name string, samples []qos.Sample, sources []monitor.Source, now time.Time) instanceView {
	v := instanceView{Key: key(name), Name: words(name)}
	var own []qos.Sample
	for _, s := range samples {
		if s.Instance == name {
			own = append(own, s)
		}
	}
	v.State = stateOf(own)
	health := qos.HealthSources()
	for _, x := range sources {
		if x.Instance != name {
			continue
		}
		s := sourceOf(x, now)
		v.Sources = append(v.Sources, s)
		if x.ReadAt.After(v.Read.Time) {
			v.Read, v.ReadAgo = instant{x.ReadAt}, ago(now.Sub(x.ReadAt))
		}
		if s.Why != "" && (s.Word != "read" || v.State != Up && (slices.Contains(health, s.Name) || s.Name == qos.SourceKubernetes)) {
			v.Why = append(v.Why, s.Name+": "+s.Why)
		}
	}
	if len(v.Sources) == 0 {
		v.Why = []string{"nothing was read of it since this monitor began"}
	}
	return v
}

func sourceOf(x monitor.Source, now time.Time) sourceView {
	v := sourceView{Name: words(x.Source), Word: "read", Why: words(strings.Join(x.Notes, "; "))}
	if v.Name == "" {
		v.Name = "none"
	}
	if x.Err != nil {
		v.Word, v.Why = "failed", words(x.Err.Error())
	}
	if x.Stale {
		v.Word = "stale"
		v.Why = strings.TrimSuffix("it was not read for too long; "+v.Why, "; ")
	}
	if !x.ReadAt.IsZero() {
		v.Read, v.ReadAgo = instant{x.ReadAt}, ago(now.Sub(x.ReadAt))
	}
	return v
}

// key makes an HTML id of a name.
func key(name string) string {
	return "i-" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, name)
}
