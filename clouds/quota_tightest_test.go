package clouds

import "testing"

func TestTightest(t *testing.T) {
	wide := Room{Limit: "wide", Max: 100, Used: 1, Need: 1}
	near := Room{Limit: "near", Max: 10, Used: 8, Need: 1}
	full := Room{Limit: "full", Max: 4, Used: 4, Need: 1}
	none := Room{Limit: "none", Max: 0, Need: 1}
	for _, c := range []struct {
		want  string
		rooms []Room
	}{
		{"", nil},
		{"", []Room{{}, {}}},
		{"wide", []Room{{}, wide}},
		{"near", []Room{wide, near}},
		{"near", []Room{near, {}, wide}},
		{"full", []Room{near, full, none}},
		{"none", []Room{wide, none, full}},
	} {
		if got := Tightest(c.rooms...); got.Limit != c.want {
			t.Errorf("%+v: %s, want %s", c.rooms, got.Limit, c.want)
		}
	}
}
