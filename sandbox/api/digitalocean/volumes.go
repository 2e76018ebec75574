package digitalocean

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

const (
	// The sizes that a volume may have, in GiB, and what a GiB costs an hour:
	// https://docs.digitalocean.com/products/volumes/details/limits/ and
	// https://www.digitalocean.com/pricing/volumes ($0.10 a month of 672 hours).
	minVolumeGB, maxVolumeGB = 1, 16384
	volumeUSDHour            = 0.10 / 672
	// volumesADroplet is how many may be attached to one droplet.
	volumesADroplet = 15
	// volumeLimit is how many an account may have.
	volumeLimit = 100
)

// volumeName is what a volume may be called.
var volumeName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}[a-z0-9]$`) })

// volumeDetail is what only this API knows of a volume.
type volumeDetail struct {
	Description string `json:"description"`
	Filesystem  string `json:"filesystem_type"`
	Label       string `json:"filesystem_label"`
}

func (s *server) volumeRoutes(routes map[string]handler) {
	routes["GET /v2/volumes"] = s.listVolumes
	routes["POST /v2/volumes"] = s.createVolume
	routes["GET /v2/volumes/{id}"] = s.getVolume
	routes["DELETE /v2/volumes/{id}"] = s.deleteVolume
	routes["POST /v2/volumes/{id}/actions"] = s.volumeAction
	routes["GET /v2/volumes/{id}/actions/{action}"] = s.getAction
}

func volumeView(v *world.Disk, sizes []api.Size) map[string]any {
	var det volumeDetail
	_ = json.Unmarshal(v.Detail, &det) // written by createVolume
	droplets := []int64{}
	if v.ServerID != "" {
		droplets = append(droplets, numeric(v.ServerID))
	}
	return map[string]any{
		"id": v.ID, "name": v.Name, "region": regionView(v.Region, sizes), "size_gigabytes": v.SizeGB,
		"description": det.Description, "filesystem_type": det.Filesystem, "filesystem_label": det.Label,
		"droplet_ids": droplets, "created_at": v.CreatedAt.UTC().Format(time.RFC3339), "tags": list(v.Tags),
	}
}

// volumesOf are the IDs of the volumes that are attached to a droplet.
func volumesOf(st *world.State, droplet string) []string {
	out := []string{}
	for _, v := range st.DisksOf(provider) {
		if v.ServerID == droplet {
			out = append(out, v.ID)
		}
	}
	return out
}

func (s *server) listVolumes(_ http.ResponseWriter, r *http.Request) (reply, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	q := r.URL.Query()
	out := []map[string]any{}
	for _, v := range s.World.State().DisksOf(provider) {
		if (q.Get("name") == "" || q.Get("name") == v.Name) && (q.Get("region") == "" || q.Get("region") == v.Region) {
			out = append(out, volumeView(v, sizes))
		}
	}
	return page(r, "volumes", out)
}

func (s *server) getVolume(_ http.ResponseWriter, r *http.Request) (reply, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	v := s.World.State().Disk(provider, r.PathValue("id"))
	if v == nil {
		return reply{}, errNotFound()
	}
	return reply{http.StatusOK, map[string]any{"volume": volumeView(v, sizes)}}, nil
}

type volumeRequest struct {
	Name       string   `json:"name"`
	Region     string   `json:"region"`
	SizeGB     int      `json:"size_gigabytes"`
	Tags       []string `json:"tags"`
	SnapshotID string   `json:"snapshot_id"`
	volumeDetail
}

func (in *volumeRequest) check(st *world.State, sizes []api.Size) error {
	switch {
	case !volumeName().MatchString(in.Name):
		return unprocessable("name: may only contain alphanumeric characters and dashes")
	case in.SizeGB < minVolumeGB || in.SizeGB > maxVolumeGB:
		return unprocessable("size_gigabytes must be between %d and %d", minVolumeGB, maxVolumeGB)
	case !known(in.Region, sizes):
		return unprocessable("invalid region")
	case in.SnapshotID != "":
		return unprocessable("the skysail sandbox has no snapshots")
	}
	if len(st.DisksOf(provider)) >= volumeLimit {
		return unprocessable("capacity limit exceeded")
	}
	for _, v := range st.DisksOf(provider) {
		if v.Name == in.Name && v.Region == in.Region {
			return &apiError{http.StatusConflict, "conflict", "a volume with this name already exists"}
		}
	}
	return checkTags(in.Tags)
}

func (s *server) createVolume(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in volumeRequest
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	in.Region = strings.ToLower(in.Region)
	detail, err := json.Marshal(in.volumeDetail)
	if err != nil {
		return reply{}, err
	}
	var made *world.Disk
	err = s.World.Update(func(st *world.State) error {
		if err := in.check(st, sizes); err != nil {
			return err
		}
		tags := []string{}
		for _, t := range in.Tags {
			tags = append(tags, st.EnsureTag(provider, t).Name)
		}
		made = &world.Disk{
			Provider: provider, ID: world.NewUUID(), Seq: st.NextSeq(), Name: in.Name, Region: in.Region, SizeGB: in.SizeGB,
			Tags: tags, PriceUSD: float64(in.SizeGB) * volumeUSDHour, CreatedAt: s.World.Now(), Detail: detail,
		}
		st.Disks = append(st.Disks, made)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusCreated, map[string]any{"volume": volumeView(made, sizes)}}, nil
}

// deleteVolume refuses what is attached. The words are not the real API's,
// which were not seen; the status is.
func (s *server) deleteVolume(_ http.ResponseWriter, r *http.Request) (reply, error) {
	err := s.World.Update(func(st *world.State) error {
		v := st.Disk(provider, r.PathValue("id"))
		switch {
		case v == nil:
			return errNotFound()
		case v.ServerID != "":
			return &apiError{http.StatusConflict, "conflict", "the volume is attached to a Droplet"}
		}
		st.RemoveDisk(provider, v.ID)
		return nil
	})
	return reply{status: http.StatusNoContent}, err
}

type volumeActionRequest struct {
	Type      string `json:"type"`
	DropletID int64  `json:"droplet_id"`
	SizeGB    int    `json:"size_gigabytes"`
}

func (s *server) volumeAction(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in volumeActionRequest
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	var made *world.Action
	err := s.World.Update(func(st *world.State) error {
		v := st.Disk(provider, r.PathValue("id"))
		if v == nil {
			return errNotFound()
		}
		d, err := in.apply(st, v)
		if err != nil {
			return err
		}
		made = st.StartAction(d, in.Type+"_volume", s.World.Now())
		made.CompletedAt = s.World.Now()
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusAccepted, map[string]any{"action": actionView(made)}}, nil
}

// apply changes the volume and returns the droplet that the action is of. The
// words are those that godo compares errors with (storage.go).
func (in volumeActionRequest) apply(st *world.State, v *world.Disk) (*world.Server, error) {
	d := st.Server(provider, strconv.FormatInt(in.DropletID, 10))
	if in.Type != "resize" {
		switch {
		case d == nil:
			return nil, errNotFound()
		case locked(d):
			return nil, errPending()
		}
	}
	switch in.Type {
	case "attach":
		switch {
		case v.ServerID != "":
			return nil, unprocessable("This volume is already attached")
		case v.Region != d.Region:
			return nil, unprocessable("Droplet and volume must be in the same region")
		case len(volumesOf(st, d.ID)) >= volumesADroplet:
			return nil, unprocessable("cannot attach more volumes to the Droplet")
		}
		v.ServerID = d.ID
	case "detach":
		if v.ServerID != d.ID {
			return nil, unprocessable("Attachment not found")
		}
		v.ServerID = ""
	case "resize":
		if in.SizeGB <= v.SizeGB || in.SizeGB > maxVolumeGB {
			return nil, unprocessable("a volume can only grow, to at most %d GiB", maxVolumeGB)
		}
		v.SizeGB, v.PriceUSD = in.SizeGB, float64(in.SizeGB)*volumeUSDHour
		// The action of a volume that no droplet has is of none.
		return &world.Server{Provider: provider, ID: v.ServerID, Region: v.Region}, nil
	default:
		return nil, unprocessable("the skysail sandbox does not simulate the action %q of a volume", in.Type)
	}
	return d, nil
}
