package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"skysail/clouds"
	"skysail/clouds/kubernetes"
	"skysail/policies"
	"skysail/store"
)

const (
	// statusTimeout bounds what Status asks of providers and instances.
	statusTimeout = 15 * time.Second
	// clusterTimeout bounds what StatusAll asks of a cluster: lists of
	// thousands of pods take seconds.
	clusterTimeout = 45 * time.Second
)

// Seen is what was found when somebody looked.
type Seen string

// The answers. Unknown is not no: nobody could be asked.
const (
	Yes     Seen = "yes"
	No      Seen = "no"
	Unknown Seen = "unknown"
)

// InstanceStatus is an instance as it is now, not as it was recorded.
type InstanceStatus struct {
	store.Instance
	// Exists is the provider's own word.
	Exists Seen `json:"exists"`
	// Healthy is what the health check said; Unknown when the service has
	// none or it could not be asked.
	Healthy Seen   `json:"healthy"`
	Detail  string `json:"detail,omitempty"`
	// Pod is set for a pod. The pods are those that there are now, whatever
	// there was when it was deployed.
	Pod *PodStatus `json:"pod,omitempty"`
}

// Status is a deployment and what the provider and the instances say of it.
type Status struct {
	Deployment
	Live []InstanceStatus `json:"live"`
	// Found is everything that carries the deployment's tag at its provider.
	Found []clouds.Resource `json:"found"`
	// Release is what Helm has of it, nil where it is not on Kubernetes or no
	// release was found.
	Release *kubernetes.Release `json:"release,omitempty"`
	// Problem is why the provider could not be asked, empty when it was.
	Problem string `json:"problem,omitempty"`
	// Beside is what else there is of the name while it is replaced: the next
	// one that is being made, or the previous one that is being destroyed.
	Beside []Deployment `json:"beside,omitempty"`
}

// Status asks the provider by tag and each instance by its health check. It
// changes nothing.
func (d *Deployer) Status(ctx context.Context, name string) (Status, error) {
	row, err := d.get(ctx, name)
	if err != nil {
		return Status{}, err
	}
	return d.status(ctx, &row, nil)
}

// StatusAll is Status of every live deployment, by name. A cluster is asked once
// for all that are in a namespace of it, however many those are.
func (d *Deployer) StatusAll(ctx context.Context) ([]Status, error) {
	rows, err := d.store.List(ctx, false)
	if err != nil {
		return nil, err
	}
	// Of a name that is being replaced the others stand beside the first.
	rows = slices.CompactFunc(rows, func(a, b store.Deployment) bool { return a.Name == b.Name })
	sights := d.clusterSights(ctx, rows)
	out := make([]Status, 0, len(rows))
	var errs []error
	for i := range rows {
		st, err := d.status(ctx, &rows[i], sights[clusterKeyOf(&rows[i])])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, st)
	}
	return out, errors.Join(errs...)
}

// status is the Status of a deployment; what its cluster says of it is taken
// from seen, where that is not nil.
func (d *Deployer) status(ctx context.Context, row *store.Deployment, seen *clusterSight) (Status, error) {
	v := viewOf(*row)
	var err error
	if v.Attempts, err = d.store.Attempts(ctx, row.ID); err != nil {
		return Status{}, err
	}
	st := Status{Deployment: d.note(v), Live: []InstanceStatus{}, Found: []clouds.Resource{}}
	if row.Role == store.RoleCurrent {
		if st.Beside, err = d.beside(ctx, row); err != nil {
			return Status{}, err
		}
	}
	if row.Attempt == 0 {
		return st, nil
	}
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	if seen != nil && row.Provider == policies.Kubernetes {
		st.saw(seen.found[row.ID], seen.foundErr)
		targets, err := seen.targets(row)
		st.pods(row, targets, err)
		return st, nil
	}
	found, err := d.find(ctx, row)
	st.saw(found, err)
	if row.Provider == policies.Kubernetes {
		targets, err := d.podTargets(ctx, row, attemptAt(row))
		st.pods(row, targets, err)
		return st, nil
	}
	health := d.health(ctx, row)
	for _, i := range row.Instances {
		s := InstanceStatus{Instance: i, Exists: Unknown, Healthy: Unknown}
		if err == nil {
			s.Exists = No
			for _, r := range found {
				if r.ID == i.ID {
					s.Exists = Yes
				}
			}
		}
		if h, ok := health[i.Name]; ok {
			s.Healthy, s.Detail = h.healthy, h.detail
		}
		st.Live = append(st.Live, s)
	}
	return st, nil
}

// saw takes in what a provider has by tag.
func (st *Status) saw(found []clouds.Resource, err error) {
	if err != nil {
		st.Problem = err.Error()
		return
	}
	st.Found = append(st.Found, found...)
	if st.Provider == policies.Kubernetes {
		st.Release = kubernetes.NewestRelease(found)
	}
}

// beside are the other live deployments of a name.
func (d *Deployer) beside(ctx context.Context, row *store.Deployment) ([]Deployment, error) {
	rows, err := d.store.Named(ctx, row.Name)
	if err != nil {
		return nil, err
	}
	var out []Deployment
	for i := range rows {
		if rows[i].ID != row.ID {
			out = append(out, d.note(viewOf(rows[i])))
		}
	}
	return out, nil
}

func (d *Deployer) find(ctx context.Context, row *store.Deployment) ([]clouds.Resource, error) {
	env, err := d.environment(ctx, row.Sandbox)
	if err != nil {
		return nil, err
	}
	c, err := d.cloudOf(attemptAt(row), env)
	if err != nil {
		return nil, err
	}
	if err := c.Credentials(); err != nil {
		return nil, fmt.Errorf("%s can not be asked: %w", row.Provider, err)
	}
	return c.Find(ctx, row.ID)
}
