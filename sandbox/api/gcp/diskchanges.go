package gcp

import (
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/api/compute/v1"

	"skysail/sandbox/world"
)

// defaultDiskGB is the size of a blank disk for which none is given.
const defaultDiskGB = 500

func (s *server) insertDisk(w http.ResponseWriter, r *http.Request) (any, error) {
	var in compute.Disk
	if _, err := decode(w, r, &in); err != nil {
		return nil, err
	}
	zone := r.PathValue("zone")
	size := int(in.SizeGb)
	if size == 0 {
		size = defaultDiskGB
	}
	kind := lastPart(diskTypeLink(zone, in.Type))
	switch {
	case in.SourceImage != "" || r.URL.Query().Get("sourceImage") != "":
		return nil, lacking("disks that are made of an image on their own")
	case in.SourceSnapshot != "" || in.SourceDisk != "" || in.SourceInstantSnapshot != "" || in.SourceStorageObject != "":
		return nil, lacking("snapshots and copies of disks")
	case in.DiskEncryptionKey != nil:
		return nil, lacking("encryption keys of its customers")
	}
	for _, err := range []error{s.checkZone(zone), checkName("resource.name", in.Name), checkLabels(in.Labels), checkDiskType("resource.type", in.Type)} {
		if err != nil {
			return nil, err
		}
	}
	if size < diskTypes[kind] {
		return nil, invalid("resource.sizeGb", fmt.Sprint(size), fmt.Sprintf("Disk size: '%d GB' is smaller than the minimum of '%d GB' for %s.", size, diskTypes[kind], kind))
	}
	return s.operate(func(st *world.State) (*world.Action, error) {
		if findDisk(st, zone, in.Name) != nil {
			return nil, alreadyExists(diskPath(zone, in.Name))
		}
		d := s.newDisk(st, zone, in.Name, size, compute.Disk{
			Labels: in.Labels, Description: in.Description, Architecture: in.Architecture, AccessMode: in.AccessMode, Type: diskTypeLink(zone, in.Type),
		})
		return s.begin(st, opInsert, diskTarget(d), nil), nil
	})
}

// operate makes a change that no machine has to follow.
func (s *server) operate(f func(*world.State) (*world.Action, error)) (any, error) {
	var op *world.Action
	var state *world.State
	err := s.World.Update(func(st *world.State) (err error) {
		state = st
		op, err = f(st)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.operationView(state, op), nil
}

func (s *server) changeDisk(r *http.Request, kind string, f func(*world.State, *world.Disk) error) (any, error) {
	return s.operate(func(st *world.State) (*world.Action, error) {
		d := findDisk(st, r.PathValue("zone"), r.PathValue("name"))
		if d == nil {
			return nil, s.noDisk(r)
		}
		t := diskTarget(d)
		if err := f(st, d); err != nil {
			return nil, err
		}
		return s.begin(st, kind, t, nil), nil
	})
}

func (s *server) deleteDisk(_ http.ResponseWriter, r *http.Request) (any, error) {
	return s.changeDisk(r, opDelete, func(st *world.State, d *world.Disk) error {
		if i := st.Server(provider, d.ServerID); i != nil {
			return inUse("disk", diskPath(d.Zone, d.Name), instancePath(i.Zone, i.Name))
		}
		st.RemoveDisk(provider, d.ID)
		return nil
	})
}

func (s *server) setDiskLabels(w http.ResponseWriter, r *http.Request) (any, error) {
	var in compute.ZoneSetLabelsRequest
	if _, err := decode(w, r, &in); err != nil {
		return nil, err
	}
	if err := checkLabels(in.Labels); err != nil {
		return nil, err
	}
	return s.changeDisk(r, "setLabels", func(_ *world.State, d *world.Disk) error {
		detail := diskDetailOf(d)
		if in.LabelFingerprint != fingerprint(detail.Disk.Labels) {
			return staleLabels()
		}
		detail.Disk.Labels = in.Labels
		setDiskDetail(d, detail)
		return nil
	})
}

func (s *server) resizeDisk(w http.ResponseWriter, r *http.Request) (any, error) {
	var in compute.DisksResizeRequest
	if _, err := decode(w, r, &in); err != nil {
		return nil, err
	}
	return s.changeDisk(r, "resizeDisk", func(_ *world.State, d *world.Disk) error {
		if int(in.SizeGb) < d.SizeGB {
			return invalid("sizeGb", fmt.Sprint(in.SizeGb), fmt.Sprintf("New disk size '%d' GiB must be larger than existing size '%d' GiB.", in.SizeGb, d.SizeGB))
		}
		d.SizeGB = int(in.SizeGb)
		return nil
	})
}

func (s *server) attachDisk(w http.ResponseWriter, r *http.Request) (any, error) {
	var in compute.AttachedDisk
	if _, err := decode(w, r, &in); err != nil {
		return nil, err
	}
	return s.change(r, "attachDisk", false, func(st *world.State, i *world.Server) error {
		d := findDisk(st, i.Zone, lastPart(in.Source))
		if d == nil || !strings.Contains(in.Source, "zones/"+i.Zone+"/disks/") {
			return notFound(in.Source)
		}
		if by := st.Server(provider, d.ServerID); by != nil {
			return inUse("disk", diskPath(d.Zone, d.Name), instancePath(by.Zone, by.Name))
		}
		next := 0
		for _, a := range attachments(st, i) {
			next = max(next, int(a.Index)+1)
		}
		attach(d, i, next, &in)
		return nil
	})
}

func (s *server) detachDisk(_ http.ResponseWriter, r *http.Request) (any, error) {
	device := r.URL.Query().Get("deviceName")
	return s.change(r, "detachDisk", false, func(st *world.State, i *world.Server) error {
		for _, d := range st.DisksOf(provider) {
			detail := diskDetailOf(d)
			if d.ServerID != i.ID || detail.Attachment == nil || detail.Attachment.DeviceName != device {
				continue
			}
			detail.Attachment = nil
			d.ServerID, d.WithServer = "", false
			setDiskDetail(d, detail)
			return nil
		}
		return invalid("disk", device, "No attached disk found with device name '"+device+"'")
	})
}
