package aws

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"skysail/sandbox/world"
)

// volume is what only this API knows of a disk.
type volume struct {
	tagged
	Device     string    `json:"device"`
	Type       string    `json:"type"`
	SizeGB     int       `json:"size_gb"`
	IOPS       int       `json:"iops,omitempty"`
	Throughput int       `json:"throughput,omitempty"`
	Encrypted  bool      `json:"encrypted,omitempty"`
	Snapshot   string    `json:"snapshot,omitempty"`
	KeepsOn    bool      `json:"keeps_on,omitempty"` // not deleted on termination
	Attached   time.Time `json:"attached,omitzero"`
}

// volumeRequest is one volume that each instance of a call gets.
type volumeRequest struct{ detail volume }

func volumeOf(v *world.Disk) volume {
	var d volume
	_ = json.Unmarshal(v.Detail, &d) // written by setVolume
	return d
}

func setVolume(v *world.Disk, d volume) {
	v.Detail, _ = json.Marshal(d) // strings and numbers only: cannot fail
	v.Tags, v.Name, v.SizeGB, v.WithServer = tagStrings(d.Tags), tagValue(d.Tags, "Name"), d.SizeGB, !d.KeepsOn
}

// disks reads the block device mapping: the root volume first.
func (in *runRequest) disks(p params) error {
	tags := p.tagsFor("volume")
	root := volume{tagged: tagged{tags}, Device: in.image.root, Type: "gp3", SizeGB: in.image.sizeGB, Snapshot: fixedID("snap", in.imageID)}
	var others []volumeRequest
	for _, m := range p.structs("BlockDeviceMapping") {
		if m.has("VirtualName") || m.has("NoDevice") {
			return unsimulated("instance store volumes in a block device mapping")
		}
		d := volume{tagged: tagged{tags}, Device: m.get("DeviceName"), Type: "gp2"}
		if d.Device == in.image.root {
			d = root
		}
		if err := d.read(m.sub("Ebs"), in.image.sizeGB); err != nil {
			return err
		}
		if d.Device == in.image.root {
			root = d
			continue
		}
		if slices.ContainsFunc(others, func(o volumeRequest) bool { return o.detail.Device == d.Device }) {
			return badRequest("InvalidBlockDeviceMapping", "The device '%s' is used in more than one block-device mapping", d.Device)
		}
		others = append(others, volumeRequest{d})
	}
	root.defaults()
	in.volumes = append([]volumeRequest{{root}}, others...)
	return nil
}

func (d *volume) read(ebs params, imageGB int) error {
	d.Type = cmp.Or(ebs.get("VolumeType"), d.Type)
	d.SizeGB = cmp.Or(ebs.int("VolumeSize"), d.SizeGB)
	d.IOPS, d.Throughput = ebs.int("Iops"), ebs.int("Throughput")
	d.Encrypted, d.KeepsOn = ebs.bool("Encrypted"), !ebs.orBool("DeleteOnTermination", true)
	if ebs.has("KmsKeyId") {
		return unsimulated("keys of KMS; leave kms_key_id out for the account's own")
	}
	if !slices.Contains([]string{"gp2", "gp3", "io1", "io2", "st1", "sc1", "standard"}, d.Type) {
		return invalidValue("Volume type '%s' is invalid", d.Type)
	}
	if d.SizeGB < 1 {
		return badRequest("MissingParameter", "The request must contain the parameter size or snapshotId")
	}
	if d.Snapshot != "" && d.SizeGB < imageGB {
		return badRequest("InvalidBlockDeviceMapping", "Volume of size %dGB is smaller than snapshot '%s', expect size >= %dGB", d.SizeGB, d.Snapshot, imageGB)
	}
	d.defaults()
	return nil
}

// defaults fills in what a type has when nothing else is asked for. See
// https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html
func (d *volume) defaults() {
	switch d.Type {
	case "gp3":
		d.IOPS, d.Throughput = cmp.Or(d.IOPS, 3000), cmp.Or(d.Throughput, 125)
	case "gp2":
		d.IOPS = min(max(100, 3*d.SizeGB), 16000)
	}
}

func (s *server) addVolumes(st *world.State, i *world.Server, wanted []volumeRequest) {
	for _, w := range wanted {
		d := w.detail
		d.Attached = s.World.Now()
		v := &world.Disk{
			Provider: provider, ID: newID("vol"), Seq: st.NextSeq(), Region: i.Region, Zone: i.Zone, ServerID: i.ID,
			PriceUSD: s.DiskUSD * float64(d.SizeGB), CreatedAt: s.World.Now(),
		}
		setVolume(v, d)
		st.Disks = append(st.Disks, v)
	}
}

// volumesOf are an instance's volumes, its root first.
func volumesOf(st *world.State, i *world.Server) []*world.Disk {
	var out []*world.Disk
	for _, v := range st.DisksOf(provider) {
		if v.ServerID == i.ID {
			out = append(out, v)
		}
	}
	return out
}

func volumeState(v *world.Disk) string {
	if v.ServerID == "" {
		return "available"
	}
	return "in-use"
}

func (s *server) describeVolumes(_ context.Context, c *call) (x, error) {
	st := s.World.State()
	ids, f, all, found := c.params.list("VolumeId"), c.params.filters(), xs{}, map[string]bool{}
	for _, v := range st.DisksOf(provider) {
		if v.Region != c.region {
			continue
		}
		d := volumeOf(v)
		have := map[string][]string{
			"volume-id": {v.ID}, "status": {volumeState(v)}, "availability-zone": {v.Zone}, "volume-type": {d.Type},
			"encrypted": {boolText(d.Encrypted)}, "attachment.instance-id": {}, "attachment.device": {}, "attachment.delete-on-termination": {},
		}
		if v.ServerID != "" {
			have["attachment.instance-id"], have["attachment.device"] = []string{v.ServerID}, []string{d.Device}
			have["attachment.delete-on-termination"] = []string{boolText(!d.KeepsOn)}
		}
		keep, err := f.match(withTags(have, d.Tags))
		if err != nil {
			return nil, err
		}
		found[v.ID] = true
		if keep && (len(ids) == 0 || slices.Contains(ids, v.ID)) {
			all = append(all, volumeView(v, d))
		}
	}
	for _, id := range ids {
		if !found[id] {
			return nil, errVolume(id)
		}
	}
	out, next, apiErr := page(all, c.params.int("MaxResults"), 1000, c.params.get("NextToken"))
	if apiErr != nil {
		return nil, apiErr
	}
	return x{"volumeSet", out, "nextToken", next}, nil
}

func volumeView(v *world.Disk, d volume) x {
	attached := xs{}
	if v.ServerID != "" {
		attached = append(attached, x{
			"volumeId", v.ID, "instanceId", v.ServerID, "device", d.Device, "status", "attached", "attachTime", date(d.Attached), "deleteOnTermination", !d.KeepsOn,
		})
	}
	out := x{
		"volumeId", v.ID, "size", d.SizeGB, "snapshotId", d.Snapshot, "availabilityZone", v.Zone, "status", volumeState(v),
		"createTime", date(v.CreatedAt), "attachmentSet", attached, "volumeType", d.Type, "encrypted", d.Encrypted,
		"multiAttachEnabled", false, "tagSet", tagSet(d.Tags),
	}
	if d.IOPS > 0 {
		out = append(out, "iops", d.IOPS)
	}
	if d.Throughput > 0 {
		out = append(out, "throughput", d.Throughput)
	}
	if d.Encrypted {
		// The account's own key for volumes.
		out = append(out, "kmsKeyId", "arn:aws:kms:"+v.Region+":"+Account+":key/"+strings.TrimPrefix(fixedID("k", v.Region), "k-"))
	}
	return out
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func errVolume(id string) error {
	return badRequest("InvalidVolume.NotFound", "The volume '%s' does not exist.", id)
}

func (s *server) deleteVolume(_ context.Context, c *call) (x, error) {
	id := c.params.get("VolumeId")
	err := s.World.Update(func(st *world.State) error {
		v := st.Disk(provider, id)
		switch {
		case v == nil || v.Region != c.region:
			return errVolume(id)
		case v.ServerID != "":
			return badRequest("VolumeInUse", "Volume %s is currently attached to %s", id, v.ServerID)
		}
		st.RemoveDisk(provider, id)
		return nil
	})
	return x{"return", true}, err
}
