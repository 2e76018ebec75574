package deploy

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/adrg/xdg"

	"skysail/catalog"
	"skysail/policies"
)

// Options say how a Deployer works. The zero value deploys on this machine.
type Options struct {
	// Home is the folder of everything skysail keeps; empty is DefaultHome.
	Home string
	// Remote deploys to a cloud chosen by Policy; without it a service runs
	// on this machine.
	Remote bool
	// Policy is nil for the defaults.
	Policy *policies.Policy
	// Sandbox deploys to simulated clouds on this machine; it implies Remote.
	Sandbox bool
	// Terraform is the executable to use; empty finds or fetches one.
	Terraform string
	// ProviderMirror is an unpacked Terraform filesystem mirror with the real
	// providers; empty is the variable SKYSAIL_PROVIDER_MIRROR, and without
	// that providers come from their registry, or are the sandbox's own.
	ProviderMirror string
	// Env is where credentials and secrets are looked up; nil is this
	// process's environment.
	Env map[string]string
	// Approve is asked once, before anything is created; nil approves. When
	// this process ends without an answer nothing is created.
	Approve func(context.Context, Preview) (bool, error)
	// Progress is told what happens, from one goroutine at a time; may be nil.
	Progress func(Event)
	// ReadyTimeout bounds the wait for SSH and health after an apply; 0 is
	// five minutes.
	ReadyTimeout time.Duration
	// Offers replaces the embedded catalog; nil uses that.
	Offers []catalog.Offer
	// Rates are what providers take beside the offers' prices, by provider.
	Rates map[string]catalog.Rates
}

// DefaultHome is SKYSAIL_HOME, else skysail in the XDG data folder.
func DefaultHome() string {
	if h := os.Getenv("SKYSAIL_HOME"); h != "" {
		return h
	}
	return filepath.Join(xdg.DataHome, "skysail")
}

// Simulator is what a Deployer needs of the sandbox.
type Simulator interface {
	// Env is what points Terraform and SDKs at the simulated clouds.
	Env() map[string]string
	// Dial connects to a port of a simulated instance.
	Dial(ctx context.Context, network, addr string) (net.Conn, error)
}

// Event is something that happened on the way, for people.
type Event struct {
	At       time.Time `json:"at"`
	Kind     EventKind `json:"kind"`
	Attempt  int       `json:"attempt,omitempty"`
	Provider string    `json:"provider,omitempty"`
	Region   string    `json:"region,omitempty"`
	Text     string    `json:"text"`
}

// EventKind groups events.
type EventKind string

// The kinds.
const (
	EventSelect    EventKind = "select"
	EventAttempt   EventKind = "attempt"
	EventStep      EventKind = "step"     // init, plan, apply, …
	EventResource  EventKind = "resource" // Terraform made or removed one
	EventFault     EventKind = "fault"
	EventSkip      EventKind = "skip"   // candidates that are not tried, and why
	EventDenied    EventKind = "denied" // by the guardrails; the candidate is left out
	EventCleaned   EventKind = "cleaned"
	EventReady     EventKind = "ready"
	EventWarning   EventKind = "warning"
	EventInterrupt EventKind = "interrupt"
)
