package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"skysail/sandbox/api"
	"skysail/sandbox/kube"
	"skysail/sandbox/world"
)

// protocol is the form of the control API. A client restarts a daemon that
// speaks another.
const protocol = 1

// status is what a daemon says of itself.
type status struct {
	Protocol int               `json:"protocol"`
	PID      int               `json:"pid"`
	Program  program           `json:"program"`
	Env      map[string]string `json:"env"`
}

// stopRequest asks the daemon to end.
type stopRequest struct {
	// Instances says whether to stop the machines too.
	Instances bool `json:"instances"`
}

// machineRef says where a machine lives.
type machineRef struct {
	Dir string `json:"dir"`
}

// control serves the control API.
type control struct {
	world  *world.World
	status func() status
	kube   *cluster
	sizes  func(provider string) ([]api.Size, error)
	dir    func(*world.Server) string
	stop   func(context.Context, stopRequest) error
}

// inputError is a mistake of whoever asked.
type inputError struct{ error }

func (c *control) handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(r *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			body, err := f(r)
			code := http.StatusOK
			if err != nil {
				code = http.StatusInternalServerError
				var in inputError
				if errors.As(err, &in) {
					code = http.StatusBadRequest
				}
				body = map[string]string{"error": err.Error()}
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			_ = json.NewEncoder(w).Encode(body) // the client is gone, then
		})
	}
	handle("GET /v1/status", func(*http.Request) (any, error) { return c.status(), nil })
	handle("GET /v1/resources", func(r *http.Request) (any, error) {
		inCluster, err := c.kube.resources(r.Context())
		return append(resources(c.world.State()), inCluster...), err
	})
	handle("GET /v1/kubernetes", func(*http.Request) (any, error) { return c.kube.status(), nil })
	handle("POST /v1/kubernetes", func(r *http.Request) (any, error) {
		var in kube.Tools
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			return nil, inputError{err}
		}
		return c.kube.start(r.Context(), in)
	})
	handle("GET /v1/machines/{address}", c.machine)
	handle("GET /v1/faults", c.faults)
	handle("POST /v1/faults", c.fault)
	handle("DELETE /v1/faults", c.clearFaults)
	handle("POST /v1/stop", func(r *http.Request) (any, error) {
		var in stopRequest
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			return nil, inputError{err}
		}
		return struct{}{}, c.stop(r.Context(), in)
	})
	return mux
}

func (c *control) machine(r *http.Request) (any, error) {
	address := r.PathValue("address")
	s := c.world.State().ServerByAddress(address)
	if s == nil || !s.Booted {
		return nil, inputError{fmt.Errorf("no simulated instance has the address %s", address)}
	}
	return machineRef{Dir: c.dir(s)}, nil
}

func (c *control) faults(*http.Request) (any, error) {
	out := []Fault{}
	for _, f := range c.world.State().Armed() {
		out = append(out, faultOf(f))
	}
	return out, nil
}

func (c *control) fault(r *http.Request) (any, error) {
	var in Fault
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, inputError{err}
	}
	f := in.world()
	if err := f.Validate(); err != nil {
		return nil, inputError{err}
	}
	if f.Region != "" {
		sizes, err := c.sizes(f.Provider)
		if err != nil {
			return nil, err
		}
		regions := api.Regions(sizes)
		if !slices.ContainsFunc(regions, func(r string) bool { return strings.EqualFold(r, f.Region) }) {
			slices.Sort(regions)
			return nil, inputError{fmt.Errorf("%s has no region %q; it has %s", f.Provider, f.Region, strings.Join(regions, ", "))}
		}
	}
	return struct{}{}, c.world.Update(func(st *world.State) error {
		st.SetFault(f)
		return nil
	})
}

func (c *control) clearFaults(r *http.Request) (any, error) {
	provider := r.URL.Query().Get("provider")
	if provider != "" && !slices.Contains(world.Providers(), provider) {
		return nil, inputError{fmt.Errorf("the sandbox does not simulate %q; it has %s", provider, strings.Join(world.Providers(), ", "))}
	}
	return struct{}{}, c.world.Update(func(st *world.State) error {
		st.ClearFaults(provider)
		return nil
	})
}
