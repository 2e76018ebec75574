package clouds

import "testing"

func TestRoom(t *testing.T) {
	cases := []struct {
		room Room
		fits bool
		text string
	}{
		{Room{}, true, "the limits are not known"},
		{Room{Max: 1, Used: 5, Need: 1}, true, "the limits are not known"},
		{Room{Limit: "droplet_limit", Max: 10, Used: 9, Need: 1}, true, "droplet_limit is 10, 9 of it in use, and this needs 1"},
		{Room{Limit: "CPUS", Max: 24, Used: 22.5, Need: 2}, false, "CPUS is 24, 22.5 of it in use, and this needs 2"},
	}
	for _, c := range cases {
		if c.room.Fits() != c.fits || c.room.String() != c.text {
			t.Errorf("%+v: fits %v, %q", c.room, c.room.Fits(), c.room)
		}
	}
}
