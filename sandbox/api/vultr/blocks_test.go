package vultr

import (
	"testing"

	"github.com/vultr/govultr/v3"

	"skysail/sandbox/world"
)

var live = govultr.BoolToBoolPtr(true)

func (c *cloud) block(label string) *govultr.BlockStorage {
	c.Helper()
	b, _, err := c.BlockStorage.Create(c.Context(), &govultr.BlockStorageCreate{Region: "ewr", SizeGB: 50, Label: label, BlockType: "high_perf"}) //nolint:bodyclose // the SDK has closed it
	check(c.T, err)
	return b
}

func TestBlocks(t *testing.T) {
	c := newCloud(t)
	ctx := t.Context()
	b, i := c.block("data"), c.instance("web")
	if b.Label != "data" || b.SizeGB != 50 || b.Region != "ewr" || b.Status != "active" || b.BlockType != "high_perf" || b.Cost != 5 || b.MountID == "" || b.DateCreated == "" {
		t.Errorf("made: %+v", b)
	}
	check(t, c.BlockStorage.Attach(ctx, b.ID, &govultr.BlockStorageAttach{InstanceID: i.ID, Live: live}))
	got, _, err := c.BlockStorage.Get(ctx, b.ID) //nolint:bodyclose // the SDK has closed it
	check(t, err)
	if got.AttachedToInstance != i.ID || got.AttachedToInstanceLabel != "web" || got.AttachedToInstanceIP != i.MainIP {
		t.Errorf("attached: %+v", got)
	}
	if s := c.world.State().Server(provider, i.ID); s.Reboot || s.Phase != world.Running {
		t.Errorf("attaching it live restarted the instance: %+v", s)
	}
	wantError(t, c.BlockStorage.Attach(ctx, b.ID, &govultr.BlockStorageAttach{InstanceID: i.ID, Live: live}), "Block storage volume is already attached to a server")
	check(t, c.BlockStorage.Update(ctx, b.ID, &govultr.BlockStorageUpdate{SizeGB: 100, Label: "more"}))
	wantError(t, c.BlockStorage.Update(ctx, b.ID, &govultr.BlockStorageUpdate{SizeGB: 20}), "block storage can only grow, to at most 10000 GB")
	list, _, _, err := c.BlockStorage.List(ctx, nil) //nolint:bodyclose // the SDK has closed it
	check(t, err)
	if len(list) != 1 || list[0].SizeGB != 100 || list[0].Label != "more" || list[0].Cost != 10 {
		t.Errorf("list: %+v", list)
	}
	check(t, c.BlockStorage.Detach(ctx, b.ID, &govultr.BlockStorageDetach{Live: live}))
	wantError(t, c.BlockStorage.Detach(ctx, b.ID, &govultr.BlockStorageDetach{Live: live}), "Block storage volume is not currently attached to a server")
	check(t, c.BlockStorage.Delete(ctx, b.ID))
	_, _, err = c.BlockStorage.Get(ctx, b.ID) //nolint:bodyclose // the SDK has closed it
	wantError(t, err, "Invalid block storage ID")
}

// An instance that goes leaves its block storage behind, attached to nothing.
func TestBlockOutlivesItsInstance(t *testing.T) {
	c := newCloud(t)
	b, i := c.block("data"), c.instance("web")
	check(t, c.BlockStorage.Attach(t.Context(), b.ID, &govultr.BlockStorageAttach{InstanceID: i.ID, Live: live}))
	check(t, c.Instance.Delete(t.Context(), i.ID))
	got, _, err := c.BlockStorage.Get(t.Context(), b.ID) //nolint:bodyclose // the SDK has closed it
	check(t, err)
	if got.AttachedToInstance != "" {
		t.Errorf("it is attached to %s", got.AttachedToInstance)
	}
}

func TestBlockRefusals(t *testing.T) {
	c := newCloud(t)
	for name, tc := range map[string]struct {
		req   govultr.BlockStorageCreate
		words string
	}{
		"no such region": {govultr.BlockStorageCreate{Region: "mars", SizeGB: 50}, errRegion().Error()[len("400 "):]},
		"too small":      {govultr.BlockStorageCreate{Region: "ewr", SizeGB: 9}, "size_gb must be between 10 and 10000"},
		"too small too":  {govultr.BlockStorageCreate{Region: "ewr", SizeGB: 39, BlockType: "storage_opt"}, "size_gb must be between 40 and 40000"},
		"no such type":   {govultr.BlockStorageCreate{Region: "ewr", SizeGB: 50, BlockType: "tape"}, "Invalid block_type"},
		"bootable":       {govultr.BlockStorageCreate{Region: "ewr", SizeGB: 50, OSID: 2284}, "the skysail sandbox has no bootable block storage"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := c.BlockStorage.Create(t.Context(), &tc.req) //nolint:bodyclose // the SDK has closed it
			wantError(t, err, tc.words)
		})
	}
	b := c.block("data")
	wantError(t, c.BlockStorage.Attach(t.Context(), b.ID, &govultr.BlockStorageAttach{InstanceID: "x", Live: live}), "instance not found")
}
