// Package react decides whether something is done about a deployment that is
// not healthy. It takes in what a monitor reads, needs two independent signs
// that hold for a while, and looks for every reason to leave things alone: our
// own network, a fleet that is down as a whole, a reaction shortly before. It
// does nothing itself.
package react

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"skysail/qos"
	"skysail/qos/metric"
	"skysail/qos/sshclient"
)

// The signs that an instance is not well. Health is the service's own health
// check; each of the others is another way to ask.
const (
	Health  = "health"  // its health check fails
	Inside  = "inside"  // it fails from the instance itself, too
	Login   = "login"   // its machine takes no SSH connection
	Service = "service" // its service manager says that it does not run
)

// leastReadings is how often a sign must have been read.
const leastReadings = 3

// leastForget is the least time after which a sign that is not read any more
// says nothing: unknown is not down.
const leastForget = 5 * time.Minute

// slowest is how many intervals there are at most from one reading of a source
// that fails to the next; see package monitor.
const slowest = 8

// Sign is one way in which an instance showed that it is not well, without a
// break since Since.
type Sign struct {
	Name     string    `json:"name"`
	Since    time.Time `json:"since"`
	Last     time.Time `json:"last"`
	Readings int       `json:"readings"`
	Detail   string    `json:"detail"`
}

func (s Sign) holds(now time.Time, after, forget time.Duration) bool {
	return s.Readings >= leastReadings && now.Sub(s.Since) >= after && now.Sub(s.Last) < forget
}

// Evidence is what speaks against one instance.
type Evidence struct {
	Instance string `json:"instance"`
	Signs    []Sign `json:"signs"`
}

func (e Evidence) String() string {
	parts := make([]string, len(e.Signs))
	for i, s := range e.Signs {
		parts[i] = fmt.Sprintf("%s since %s (%d readings: %s)", s.Name, s.Since.UTC().Format("15:04:05Z"), s.Readings, s.Detail)
	}
	return e.Instance + ": " + strings.Join(parts, "; ")
}

// instance is what was read of one instance last.
type instance struct {
	signs map[string]Sign
	// healthy is when its health check last passed, failing when it last did
	// not; a check that could not be made counts for neither.
	healthy, failing time.Time
}

// Gate keeps the signs of a fleet. It may be used side by side.
type Gate struct {
	now    func() time.Time
	forget time.Duration

	mu sync.Mutex
	by map[string]map[string]*instance // by deployment ID, by instance
}

// NewGate returns a Gate that knows nothing yet, for sources that are read at
// this interval.
func NewGate(interval time.Duration) *Gate {
	return &Gate{now: time.Now, forget: max(leastForget, 2*slowest*interval), by: map[string]map[string]*instance{}}
}

// Take takes in what a monitor read.
func (g *Gate) Take(readings []qos.Result) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, res := range readings {
		samples := res.ByReport()
		for i := range res.Reports {
			g.take(&res.Reports[i], samples(&res.Reports[i]))
		}
	}
}

// Forget drops what is known of deployments other than these.
func (g *Gate) Forget(keep map[string]bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for id := range g.by {
		if !keep[id] {
			delete(g.by, id)
		}
	}
}

func (g *Gate) of(r *qos.Report) *instance {
	if g.by[r.DeploymentID] == nil {
		g.by[r.DeploymentID] = map[string]*instance{}
	}
	i := g.by[r.DeploymentID][r.Instance]
	if i == nil {
		i = &instance{signs: map[string]Sign{}}
		g.by[r.DeploymentID][r.Instance] = i
	}
	return i
}

func (g *Gate) take(r *qos.Report, samples []qos.Sample) {
	i, now := g.of(r), g.now()
	if r.Source == qos.SourceSSH {
		// A host key that changed, or a key that is refused, is an answer; a jump
		// host that does not let through says nothing of the machine.
		gone := false
		for _, kind := range []error{sshclient.ErrTimeout, sshclient.ErrRefused, sshclient.ErrUnreachable, sshclient.ErrLost} {
			gone = gone || errors.Is(r.Err, kind) && !errors.Is(r.Err, sshclient.ErrPath)
		}
		detail := ""
		if gone {
			detail = firstLine(r.Err.Error())
		}
		g.note(i, Login, gone, detail)
		if r.Err != nil {
			delete(i.signs, Service)
		}
	}
	if r.Err != nil {
		if isHealth(r.Source) {
			delete(i.signs, Health)
			delete(i.signs, Inside)
		}
		return
	}
	for _, s := range samples {
		switch {
		case s.Name == metric.ServiceUp:
			g.note(i, Service, s.Value == 0, "it is not active")
		case s.Name == metric.ProbeSuccess && s.Labels["vantage"] == "":
			g.note(i, Health, s.Value == 0, "the "+r.Source+" check fails from here")
			if s.Value == 0 {
				i.failing = now
			} else {
				i.healthy = now
			}
		case s.Name == metric.ProbeSuccess:
			g.note(i, Inside, s.Value == 0, "the "+r.Source+" check fails on the machine itself")
		}
	}
}

func isHealth(source string) bool {
	return source == qos.SourceHTTP || source == qos.SourceTCP || source == qos.SourceGRPC
}

func (g *Gate) note(i *instance, name string, bad bool, detail string) {
	now := g.now()
	if !bad {
		delete(i.signs, name)
		return
	}
	s, ok := i.signs[name]
	if !ok || now.Sub(s.Last) >= g.forget {
		s = Sign{Name: name, Since: now}
	}
	s.Last, s.Detail = now, detail
	s.Readings++
	i.signs[name] = s
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
