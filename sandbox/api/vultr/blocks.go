package vultr

import (
	"encoding/json"
	"net/http"
	"strings"

	"skysail/sandbox/world"
)

// blockType is a kind of block storage: its sizes in GB and its price a GB and
// month, as https://docs.vultr.com/products/block-storage tells them.
type blockType struct {
	least, most int
	usdMonth    float64
}

var blockTypes = map[string]blockType{
	"high_perf":   {10, 10000, 0.10},
	"storage_opt": {40, 40000, 0.025},
}

// hoursAMonth is how Vultr gets from the price of a month to that of an hour.
const hoursAMonth = 730

// blockDetail is what only this API knows of block storage.
type blockDetail struct {
	Type  string `json:"block_type"`
	Mount string `json:"mount_id"`
}

func (s *server) blockRoutes(routes map[string]handler) {
	routes["GET /v2/blocks"] = s.listBlocks
	routes["POST /v2/blocks"] = s.createBlock
	routes["GET /v2/blocks/{id}"] = s.getBlock
	routes["PATCH /v2/blocks/{id}"] = s.updateBlock
	routes["DELETE /v2/blocks/{id}"] = s.deleteBlock
	routes["POST /v2/blocks/{id}/attach"] = s.attachBlock
	routes["POST /v2/blocks/{id}/detach"] = s.detachBlock
}

// errBlock has words of ours: those of the real API were not seen. Its status
// is the one that the SDK and the Terraform provider go by.
func errBlock() error { return notFound("Invalid block storage ID") }

func blockDetailOf(b *world.Disk) blockDetail {
	var d blockDetail
	_ = json.Unmarshal(b.Detail, &d) // written by createBlock
	return d
}

func blockView(st *world.State, b *world.Disk) map[string]any {
	d := blockDetailOf(b)
	ip, label := "", ""
	if i := st.Server(provider, b.ServerID); i != nil {
		ip, label = i.Address, i.Name
	}
	return map[string]any{
		"id": b.ID, "date_created": date(b.CreatedAt), "cost": blockTypes[d.Type].usdMonth * float64(b.SizeGB), "pending_charges": 0,
		"status": "active", "size_gb": b.SizeGB, "region": b.Region, "attached_to_instance": b.ServerID,
		"attached_to_instance_ip": ip, "attached_to_instance_label": label, "label": b.Name,
		"mount_id": d.Mount, "block_type": d.Type, "os_id": 0, "snapshot_id": "", "bootable": false,
	}
}

func (s *server) listBlocks(_ http.ResponseWriter, r *http.Request) (reply, error) {
	st := s.World.State()
	var out []item
	for _, b := range st.DisksOf(provider) {
		out = append(out, item{b.Seq, blockView(st, b)})
	}
	return page(r, "blocks", out)
}

func (s *server) getBlock(_ http.ResponseWriter, r *http.Request) (reply, error) {
	st := s.World.State()
	b := st.Disk(provider, r.PathValue("id"))
	if b == nil {
		return reply{}, errBlock()
	}
	return reply{http.StatusOK, map[string]any{"block": blockView(st, b)}}, nil
}

type blockRequest struct {
	Region     string `json:"region"`
	SizeGB     int    `json:"size_gb"`
	Label      string `json:"label"`
	BlockType  string `json:"block_type"`
	SnapshotID string `json:"snapshot_id"`
	OSID       int    `json:"os_id"`
	Bootable   *bool  `json:"bootable"`
}

func (in *blockRequest) check(s *server) error {
	if in.BlockType == "" {
		in.BlockType = "high_perf"
	}
	sizes, err := s.Sizes()
	if err != nil {
		return err
	}
	kind, ok := blockTypes[in.BlockType]
	found := false
	for _, z := range sizes {
		found = found || z.In(in.Region)
	}
	switch {
	case !ok:
		return badRequest("Invalid block_type")
	case !found:
		return errRegion()
	case in.SizeGB < kind.least || in.SizeGB > kind.most:
		return badRequest("size_gb must be between %d and %d", kind.least, kind.most)
	case in.SnapshotID != "" || in.OSID != 0 || in.Bootable != nil && *in.Bootable:
		return badRequest("the skysail sandbox has no bootable block storage")
	}
	return nil
}

func (s *server) createBlock(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in blockRequest
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	if err := in.check(s); err != nil {
		return reply{}, err
	}
	id := world.NewUUID()
	detail, err := json.Marshal(blockDetail{Type: in.BlockType, Mount: in.Region + "-" + strings.ReplaceAll(id, "-", "")[:14]})
	if err != nil {
		return reply{}, err
	}
	b := &world.Disk{
		Provider: provider, ID: id, Name: in.Label, Region: in.Region, SizeGB: in.SizeGB, Tags: []string{},
		PriceUSD:  blockTypes[in.BlockType].usdMonth * float64(in.SizeGB) / hoursAMonth,
		CreatedAt: s.World.Now(), Detail: detail,
	}
	err = s.World.Update(func(st *world.State) error {
		b.Seq = st.NextSeq()
		st.Disks = append(st.Disks, b)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusAccepted, map[string]any{"block": blockView(s.World.State(), b)}}, nil
}

// changeBlock applies a change to the block storage that the path names.
func (s *server) changeBlock(r *http.Request, change func(*world.State, *world.Disk) error) (reply, error) {
	err := s.World.Update(func(st *world.State) error {
		b := st.Disk(provider, r.PathValue("id"))
		if b == nil {
			return errBlock()
		}
		return change(st, b)
	})
	return reply{status: http.StatusNoContent}, err
}

func (s *server) updateBlock(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in blockRequest
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	return s.changeBlock(r, func(_ *world.State, b *world.Disk) error {
		kind := blockTypes[blockDetailOf(b).Type]
		if in.SizeGB != 0 {
			if in.SizeGB < b.SizeGB || in.SizeGB > kind.most {
				return badRequest("block storage can only grow, to at most %d GB", kind.most)
			}
			b.SizeGB, b.PriceUSD = in.SizeGB, kind.usdMonth*float64(in.SizeGB)/hoursAMonth
		}
		if in.Label != "" {
			b.Name = in.Label
		}
		return nil
	})
}

func (s *server) deleteBlock(_ http.ResponseWriter, r *http.Request) (reply, error) {
	return s.changeBlock(r, func(st *world.State, b *world.Disk) error {
		st.RemoveDisk(provider, b.ID)
		return nil
	})
}

func (s *server) attachBlock(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in struct {
		InstanceID string `json:"instance_id"`
		Live       bool   `json:"live"`
	}
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	return s.changeBlock(r, func(st *world.State, b *world.Disk) error {
		i := st.Server(provider, in.InstanceID)
		switch {
		case i == nil:
			return errInstance()
		case b.ServerID != "":
			return badRequest("Block storage volume is already attached to a server")
		case i.Region != b.Region:
			return badRequest("Block storage and server must be in the same region")
		}
		b.ServerID = i.ID
		if !in.Live && i.Powered && i.Booted {
			i.Reboot, i.Phase = true, world.Booting
		}
		return nil
	})
}

func (s *server) detachBlock(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in struct {
		Live bool `json:"live"`
	}
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	return s.changeBlock(r, func(st *world.State, b *world.Disk) error {
		i := st.Server(provider, b.ServerID)
		if i == nil {
			return badRequest("Block storage volume is not currently attached to a server")
		}
		b.ServerID = ""
		if !in.Live && i.Powered && i.Booted {
			i.Reboot, i.Phase = true, world.Booting
		}
		return nil
	})
}
