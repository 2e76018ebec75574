package aws

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"skysail/internal/lazyregexp"
	"skysail/sandbox/world"
)

// detail is what only this API knows of an instance.
type detail struct {
	tagged
	Reservation string `json:"reservation"`
	Index       int    `json:"index"`
	// Token makes RunInstances idempotent: the same one with the same Request
	// is the same instances.
	Token    string   `json:"token,omitempty"`
	Request  string   `json:"request,omitempty"`
	Image    string   `json:"image"`
	Arch     string   `json:"arch"`
	Root     string   `json:"root"`
	KeyName  string   `json:"key_name,omitempty"`
	Shutdown string   `json:"shutdown"`
	Metadata metadata `json:"metadata"`
	Credits  string   `json:"credits,omitempty"`
	Market   *market  `json:"market,omitempty"`
	// UserData is base64, as it was given.
	UserData    string `json:"user_data,omitempty"`
	Monitoring  bool   `json:"monitoring,omitempty"`
	Optimized   bool   `json:"ebs_optimized,omitempty"`
	NoStop      bool   `json:"disable_api_stop,omitempty"`
	NoTerminate bool   `json:"disable_api_termination,omitempty"`
	NoCheck     bool   `json:"no_source_dest_check,omitempty"`
	// Stopped says that StopInstances powered it off, and not its system.
	Stopped bool `json:"stopped,omitempty"`
}

// metadata are the options of the instance metadata service.
type metadata struct {
	Endpoint string `json:"endpoint"`
	Tokens   string `json:"tokens"`
	HopLimit int    `json:"hop_limit"`
	Tags     string `json:"tags"`
	IPv6     string `json:"ipv6"`
}

// market is a spot instance's request.
type market struct {
	Request      string `json:"request"`
	Type         string `json:"type"`
	Interruption string `json:"interruption"`
	MaxPrice     string `json:"max_price,omitempty"`
	Cancelled    bool   `json:"cancelled,omitempty"`
}

func detailOf(i *world.Server) detail {
	var d detail
	_ = json.Unmarshal(i.Detail, &d) // written by setDetail
	return d
}

// setDetail writes the detail and what of it the world lists.
func setDetail(i *world.Server, d detail) {
	i.Detail, _ = json.Marshal(d) // strings and numbers only: cannot fail
	i.Tags, i.Name = tagStrings(d.Tags), tagValue(d.Tags, "Name")
}

// states are the codes of
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html
func states() map[string]int {
	return map[string]int{"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
}

func stateOf(i *world.Server) string {
	switch {
	case i.Deleting:
		return "shutting-down"
	case i.Phase == world.Failed:
		return "stopped"
	case !i.Powered && i.Phase == world.Off:
		return "stopped"
	case !i.Powered:
		return "stopping"
	case i.Phase == world.Booting && !i.Reboot:
		return "pending"
	default:
		return "running"
	}
}

func stateView(name string) x { return x{"code", states()[name], "name", name} }

var instanceID = lazyregexp.New(`^i-[0-9a-f]{8,17}$`)

func findInstance(st *world.State, region, id string) (*world.Server, error) {
	if !instanceID.MatchString(id) {
		return nil, badRequest("InvalidInstanceID.Malformed", "Invalid id: \"%s\"", id)
	}
	if i := st.Server(provider, id); i != nil && i.Region == region {
		return i, nil
	}
	return nil, errInstance(id)
}

func errInstance(id string) error {
	return badRequest("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
}

func errState(i *world.Server, want string) error {
	return badRequest("IncorrectInstanceState", "The instance '%s' is not in the '%s' state.", i.ID, want)
}

// privateIP belongs to the instance's address, so that it is unique too.
func privateIP(i *world.Server) string {
	return "172.31" + strings.TrimPrefix(i.Address, "127.77")
}

// graveTime is how long a terminated instance stays listed. In AWS it is
// about an hour.
const graveTime = time.Minute

// graves are terminated instances that are still listed. They are kept in
// memory only: AWS too forgets them without notice.
type graves struct {
	mu   sync.Mutex
	dead map[string]grave
}

type grave struct {
	region, reason string
	at             time.Time
	server         *world.Server
}

// bury remembers an instance that was told to end. Its view is kept without
// what goes with it: addresses, groups and volumes.
func (g *graves) bury(i *world.Server, reason string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dead == nil {
		g.dead = map[string]grave{}
	}
	if _, ok := g.dead[i.ID]; !ok {
		copied := *i
		g.dead[i.ID] = grave{i.Region, fmt.Sprintf("%s (%s)", reason, now.UTC().Format("2006-01-02 15:04:05 GMT")), now, &copied}
	}
}

// list returns those of a region that are gone from the world, and drops the
// old ones.
func (g *graves) list(st *world.State, region string, now time.Time) []grave {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []grave
	for id, d := range g.dead {
		if now.Sub(d.at) > graveTime {
			if st.Server(provider, id) == nil {
				delete(g.dead, id)
			}
			continue
		}
		if d.region == region && st.Server(provider, id) == nil {
			out = append(out, d)
		}
	}
	return out
}

// endPoweredOff terminates what powered itself off and was made to end then:
// instance_initiated_shutdown_behavior.
func (s *server) endPoweredOff() error {
	due := func(i *world.Server) bool {
		if i.Deleting || i.Powered || i.Phase != world.Off {
			return false
		}
		d := detailOf(i)
		return d.Shutdown == "terminate" && !d.Stopped
	}
	some := false
	for _, i := range s.World.State().ServersOf(provider) {
		some = some || due(i)
	}
	if !some {
		return nil
	}
	return s.World.Update(func(st *world.State) error {
		for _, i := range st.ServersOf(provider) {
			if due(i) {
				i.Deleting = true
				s.graves.bury(i, "Client.InstanceInitiatedShutdown", s.World.Now())
			}
		}
		return nil
	})
}
