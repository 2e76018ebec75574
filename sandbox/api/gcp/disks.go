package gcp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"google.golang.org/api/compute/v1"

	"skysail/sandbox/world"
)

// diskDetail is what only this API knows of a disk: itself, and how it is
// attached.
type diskDetail struct {
	Disk       compute.Disk          `json:"disk"`
	Attachment *compute.AttachedDisk `json:"attachment,omitempty"`
}

func diskDetailOf(d *world.Disk) diskDetail {
	var out diskDetail
	_ = json.Unmarshal(d.Detail, &out) // written by setDiskDetail
	return out
}

func setDiskDetail(d *world.Disk, detail diskDetail) {
	d.Detail, _ = json.Marshal(detail) // strings, numbers and lists: cannot fail
	d.Tags = tagsOf(&compute.Instance{Labels: detail.Disk.Labels})
}

func diskPath(zone, name string) string { return zonePath(zone) + "/disks/" + name }

func findDisk(st *world.State, zone, name string) *world.Disk {
	for _, d := range st.DisksOf(provider) {
		if d.Zone == zone && (d.Name == name || d.ID == name) {
			return d
		}
	}
	return nil
}

func diskTarget(d *world.Disk) target {
	return target{zone: d.Zone, path: diskPath(d.Zone, d.Name), id: d.ID}
}

func diskView(st *world.State, d *world.Disk) *compute.Disk {
	v := diskDetailOf(d).Disk
	v.Kind, v.Id, v.Name, v.SizeGb = "compute#disk", numeric(d.ID), d.Name, int64(d.SizeGB)
	v.Zone, v.SelfLink = link(zonePath(d.Zone)), link(diskPath(d.Zone, d.Name))
	v.Status, v.CreationTimestamp = "READY", stamp(d.CreatedAt)
	v.LabelFingerprint = fingerprint(v.Labels)
	v.PhysicalBlockSizeBytes = 4096
	if i := st.Server(provider, d.ServerID); i != nil {
		v.Users = []string{link(instancePath(i.Zone, i.Name))}
		v.LastAttachTimestamp = stamp(i.CreatedAt)
	}
	return &v
}

// attachments are an instance's disks, the one it boots from first.
func attachments(st *world.State, i *world.Server) []*compute.AttachedDisk {
	var out []*compute.AttachedDisk
	for _, d := range st.DisksOf(provider) {
		detail := diskDetailOf(d)
		if d.ServerID != i.ID || detail.Attachment == nil {
			continue
		}
		a := *detail.Attachment
		a.Kind, a.Source, a.DiskSizeGb, a.AutoDelete = "compute#attachedDisk", link(diskPath(d.Zone, d.Name)), int64(d.SizeGB), d.WithServer
		a.Architecture = detail.Disk.Architecture
		a.ForceSendFields = []string{"AutoDelete", "Boot", "Index"}
		out = append(out, &a)
	}
	slices.SortStableFunc(out, func(a, b *compute.AttachedDisk) int { return int(a.Index - b.Index) })
	return out
}

// attach notes how a disk is attached.
func attach(d *world.Disk, i *world.Server, n int, a *compute.AttachedDisk) {
	detail := diskDetailOf(d)
	kept := &compute.AttachedDisk{
		Boot: a.Boot, DeviceName: a.DeviceName, Index: int64(n), Interface: a.Interface, Mode: a.Mode, Type: "PERSISTENT",
	}
	if kept.DeviceName == "" {
		kept.DeviceName = fmt.Sprintf("persistent-disk-%d", n)
	}
	if kept.Mode == "" {
		kept.Mode = "READ_WRITE"
	}
	if kept.Interface == "" {
		kept.Interface = "SCSI"
	}
	detail.Attachment = kept
	setDiskDetail(d, detail)
	d.ServerID, d.WithServer = i.ID, a.AutoDelete
}

func (in *insertion) diskName(a *compute.AttachedDisk) string {
	switch {
	case a.InitializeParams != nil && a.InitializeParams.DiskName != "":
		return a.InitializeParams.DiskName
	case a.Boot:
		return in.Name
	default:
		return in.Name + "-1"
	}
}

// diskFor returns the disk of an attachment: one that is there, or a new one.
func (s *server) diskFor(st *world.State, in *insertion, i *world.Server, n int, a *compute.AttachedDisk) *world.Disk {
	if a.Source != "" {
		d := findDisk(st, in.zone, lastPart(a.Source))
		attach(d, i, n, a)
		return d
	}
	p := a.InitializeParams
	if p == nil {
		p = &compute.AttachedDiskInitializeParams{}
	}
	detail := compute.Disk{Labels: p.Labels, Type: diskTypeLink(in.zone, p.DiskType), Description: p.Description}
	size := int(max(p.DiskSizeGb, a.DiskSizeGb))
	if a.Boot {
		detail.SourceImage, detail.SourceImageId = link(in.boot.path()), in.boot.id()
		detail.Architecture = in.boot.arch
		size = max(size, in.boot.sizeGB)
	}
	d := s.newDisk(st, in.zone, in.diskName(a), size, detail)
	attach(d, i, n, a)
	return d
}

func (s *server) newDisk(st *world.State, zone, name string, sizeGB int, detail compute.Disk) *world.Disk {
	id, seq := st.NextNumericID()
	d := &world.Disk{
		Provider: provider, ID: id, Seq: seq, Name: name, Region: regionOf(zone), Zone: zone, SizeGB: sizeGB, CreatedAt: s.World.Now(),
		PriceUSD: s.DiskUSD * float64(sizeGB),
	}
	setDiskDetail(d, diskDetail{Disk: detail})
	st.Disks = append(st.Disks, d)
	return d
}

func (s *server) getDisk(_ http.ResponseWriter, r *http.Request) (any, error) {
	st := s.World.State()
	d := findDisk(st, r.PathValue("zone"), r.PathValue("name"))
	if d == nil {
		return nil, s.noDisk(r)
	}
	return diskView(st, d), nil
}

func (s *server) noDisk(r *http.Request) error {
	if err := s.checkZone(r.PathValue("zone")); err != nil {
		return err
	}
	return notFound(diskPath(r.PathValue("zone"), r.PathValue("name")))
}

func diskItems(st *world.State, zone string) []item {
	var all []item
	for _, d := range st.DisksOf(provider) {
		if zone == "" || d.Zone == zone {
			all = append(all, item{d.Seq, diskView(st, d)})
		}
	}
	return all
}

func (s *server) listDisks(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := s.checkZone(r.PathValue("zone")); err != nil {
		return nil, err
	}
	return page(r, "compute#diskList", diskItems(s.World.State(), r.PathValue("zone")))
}

func (s *server) aggregatedDisks(_ http.ResponseWriter, r *http.Request) (any, error) {
	return s.aggregate(r, "compute#diskAggregatedList", "disks", diskItems(s.World.State(), ""),
		func(v any) string { return lastPart(v.(*compute.Disk).Zone) })
}
