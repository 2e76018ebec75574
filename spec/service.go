// Package spec holds what a user says of a service: the model of service.hcl
// and the loader that turns a file into it or into diagnostics.
package spec

// Service is one service block: what to run and what it needs.
type Service struct {
	// Name is a DNS label (RFC 1035) of at most 40 characters: it becomes
	// part of host names, unit names, tags and paths.
	Name      string    `json:"name"`
	Source    Source    `json:"source"`
	Resources Resources `json:"resources"`
	// Instances is how many run, and the least of a range. MaxInstances is the
	// most of it, for an autoscaler, and 0 where the number is fixed.
	Instances    int               `json:"instances"`
	MaxInstances int               `json:"max_instances,omitempty"`
	Ports        []Port            `json:"ports,omitempty"`
	Health       *Health           `json:"health,omitempty"`
	Disk         *Disk             `json:"disk,omitempty"`
	Logs         *Logs             `json:"logs,omitempty"`
	Metrics      *Metrics          `json:"metrics,omitempty"`
	Objectives   []Objective       `json:"objectives,omitempty"`
	Env          map[string]string `json:"env,omitempty"`
	// Secrets are names only. The values come from the caller's environment
	// at deploy time and are never part of this struct.
	Secrets []string `json:"secrets,omitempty"`
}

// Source says where the program comes from; exactly one field is set.
type Source struct {
	Container *Container `json:"container,omitempty"`
	Native    *Native    `json:"native,omitempty"`
}

// Container is an OCI image reference.
type Container struct {
	Image string `json:"image"`
}

// Native is a gzip-compressed tar archive with an executable in it.
type Native struct {
	// URL is https, http or file. A relative path in the service file is
	// resolved against that file's folder, so here it is always absolute.
	URL string `json:"url"`
	// SHA256 is the lower-case hex digest of the archive.
	SHA256 string `json:"sha256"`
	// Binary is the executable's path inside the archive.
	Binary string   `json:"binary"`
	Args   []string `json:"args,omitempty"`
}

// Resources is what one instance needs.
type Resources struct {
	CPU       float64 `json:"cpu"`        // vCPU
	MemoryGB  float64 `json:"memory_gb"`  // GiB
	StorageGB float64 `json:"storage_gb"` // GiB
	// Arch is a GOARCH name, amd64 or arm64; empty is amd64.
	Arch string `json:"arch,omitempty"`
	GPU  *GPU   `json:"gpu,omitempty"`
}

// GPU asks for accelerators; an empty Model means any.
type GPU struct {
	Count int    `json:"count"`
	Model string `json:"model,omitempty"`
	// MemoryGB is the least memory of one GPU in GiB; 0 is any.
	MemoryGB float64 `json:"memory_gb,omitempty"`
}

// Disk asks for a disk beside the one that the instance boots from: one for
// each instance, removed with it.
type Disk struct {
	SizeGB int `json:"size_gb"` // GiB
	// Path is where the service finds it: a mount point of its own file
	// system, absolute and clean.
	Path string `json:"path"`
}

// Port is a named TCP port on which the service listens.
type Port struct {
	Name   string `json:"name"`
	Number int    `json:"number"`
	// Public opens the port to the world in the cloud's firewall.
	Public bool `json:"public"`
}

// Ranged says whether the number of instances may change by itself.
func (s *Service) Ranged() bool { return s.MaxInstances > s.Instances }

// Most is how many instances there can be.
func (s *Service) Most() int { return max(s.Instances, s.MaxInstances) }

// Port returns the port with that name.
func (s *Service) Port(name string) (Port, bool) {
	for _, p := range s.Ports {
		if p.Name == name {
			return p, true
		}
	}
	return Port{}, false
}
