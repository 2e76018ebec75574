package gcp

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"

	"google.golang.org/api/compute/v1"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// fingerprint is what a client sends back to show that it changes what it has
// read.
func fingerprint(v any) string {
	raw, _ := json.Marshal(v) // strings, lists and maps of them: cannot fail
	sum := sha256.Sum256(raw)
	return base64.URLEncoding.EncodeToString(sum[:6])
}

// edit changes an instance's description.
func (s *server) edit(r *http.Request, kind string, f func(i *world.Server, d *compute.Instance) error) (any, error) {
	return s.change(r, kind, false, func(_ *world.State, i *world.Server) error {
		d := detailOf(i)
		if err := f(i, d); err != nil {
			return err
		}
		setDetail(i, d)
		return nil
	})
}

func (s *server) setLabels(w http.ResponseWriter, r *http.Request) (any, error) {
	var in compute.InstancesSetLabelsRequest
	if _, err := decode(w, r, &in); err != nil {
		return nil, err
	}
	if err := checkLabels(in.Labels); err != nil {
		return nil, err
	}
	return s.edit(r, "setLabels", func(_ *world.Server, d *compute.Instance) error {
		if in.LabelFingerprint != fingerprint(d.Labels) {
			return staleLabels()
		}
		d.Labels = in.Labels
		return nil
	})
}

func (s *server) setTags(w http.ResponseWriter, r *http.Request) (any, error) {
	var in compute.Tags
	if _, err := decode(w, r, &in); err != nil {
		return nil, err
	}
	if err := checkTags(&in); err != nil {
		return nil, err
	}
	return s.edit(r, "setTags", func(_ *world.Server, d *compute.Instance) error {
		var have []string
		if d.Tags != nil {
			have = d.Tags.Items
		}
		if in.Fingerprint != fingerprint(have) {
			return stale()
		}
		d.Tags = &compute.Tags{Items: in.Items}
		return nil
	})
}

func (s *server) setMetadata(w http.ResponseWriter, r *http.Request) (any, error) {
	var in compute.Metadata
	if _, err := decode(w, r, &in); err != nil {
		return nil, err
	}
	if err := checkMetadata(&in); err != nil {
		return nil, err
	}
	return s.edit(r, "setMetadata", func(i *world.Server, d *compute.Instance) error {
		var have []*compute.MetadataItems
		if d.Metadata != nil {
			have = d.Metadata.Items
		}
		if in.Fingerprint != fingerprint(have) {
			return stale()
		}
		d.Metadata = &compute.Metadata{Items: in.Items}
		i.UserData = metadataValue(d.Metadata, "user-data")
		return nil
	})
}

func (s *server) setScheduling(w http.ResponseWriter, r *http.Request) (any, error) {
	var in compute.Scheduling
	if _, err := decode(w, r, &in); err != nil {
		return nil, err
	}
	return s.edit(r, "setScheduling", func(i *world.Server, d *compute.Instance) error {
		if err := checkScheduling(&in, i.GPU); err != nil {
			return err
		}
		in.ProvisioningModel = d.Scheduling.ProvisioningModel
		d.Scheduling = withDefaults(&in, i.GPU)
		i.ExpiresAt, i.ExpiryStops = expiry(d.Scheduling, s.World.Now())
		return nil
	})
}

func (s *server) setDeletionProtection(_ http.ResponseWriter, r *http.Request) (any, error) {
	on, err := strconv.ParseBool(r.URL.Query().Get("deletionProtection"))
	if err != nil {
		on = true // the API's default
	}
	return s.edit(r, "setDeletionProtection", func(_ *world.Server, d *compute.Instance) error {
		d.DeletionProtection = on
		return nil
	})
}

func (s *server) setMachineType(w http.ResponseWriter, r *http.Request) (any, error) {
	var in compute.InstancesSetMachineTypeRequest
	if _, err := decode(w, r, &in); err != nil {
		return nil, err
	}
	size, err := s.machineType(r.PathValue("zone"), in.MachineType)
	if err != nil {
		return nil, err
	}
	return s.change(r, "setMachineType", false, func(_ *world.State, i *world.Server) error {
		if i.Phase != world.Off {
			return badRequest("Invalid resource usage: 'Instance must be in TERMINATED state to change the machine type'.")
		}
		resize(i, size, detailOf(i).Scheduling)
		return nil
	})
}

// resize gives an instance what its machine type has.
func resize(i *world.Server, z *api.Size, sched *compute.Scheduling) {
	price := z.Price(i.Region)
	i.Size, i.VCPU, i.MemoryMB, i.GPU, i.PriceUSD = z.Name, z.VCPU, z.MemoryMB, z.GPU != nil, price.USD
	if i.Spot = sched.Preemptible; i.Spot && price.SpotUSD > 0 {
		i.PriceUSD = price.SpotUSD
	}
}

func staleLabels() *apiError {
	return &apiError{
		status: http.StatusPreconditionFailed, reason: "conditionNotMet", location: "If-Match", locationType: "header",
		message: "Labels fingerprint either invalid or resource labels have changed",
	}
}
