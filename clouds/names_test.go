package clouds

import "testing"

func TestNamed(t *testing.T) {
	const id = "d4k2m9x7qpb1"
	for name, want := range map[string]bool{
		"skysail-" + id:              true,
		"skysail-" + id + "-0":       true,
		"skysail-" + id + "-":        true,
		"skysail-" + id + "0":        false,
		"skysail-d4k2m9x7qpb":        false,
		"skysail-d4k2m9x7qpb2-0":     false,
		"skysail-D4K2M9X7QPB1":       false,
		"skysail-":                   false,
		"skysail":                    false,
		"":                           false,
		id:                           false,
		"my-skysail-" + id:           false,
		" skysail-" + id:             false,
		"skysail-é4k2m9x7qpb1-0":     false,
		"skysail-web-" + id + "-0":   false,
		"skysail-d00000000000-" + id: false,
	} {
		if got := Named(name, id); got != want {
			t.Errorf("Named(%q) is %v", name, got)
		}
	}
	// What is no ID matches nothing, not even names that begin like it.
	for _, id := range []string{"", "d", "d4k2m9x7qpb", "D4K2M9X7QPB1"} {
		if Named("skysail-"+id, id) || Named("skysail-"+id+"-0", id) {
			t.Errorf("%q matches a name", id)
		}
	}
}

func TestTagged(t *testing.T) {
	const id = "d4k2m9x7qpb1"
	if !Tagged([]string{"skysail", "Skysail-Deployment:" + id}, id) {
		t.Error("tags do not mind case, and there may be others")
	}
	for _, tags := range [][]string{
		nil,
		{"skysail"},
		{"skysail-deployment:"},
		{"skysail-deployment:" + id + "0"},
		{"skysail-deployment:d4k2m9x7qpb2"},
		{"x-skysail-deployment:" + id},
	} {
		if Tagged(tags, id) {
			t.Errorf("%q carries the tag", tags)
		}
	}
}

func TestCheckID(t *testing.T) {
	if err := CheckID("d4k2m9x7qpb1"); err != nil {
		t.Error(err)
	}
	for _, id := range []string{"", "d", "x4k2m9x7qpb1", "d4k2m9x7qpb", "d4k2m9x7qpb12", "d4k2m9x7qpb1\n", "d4K2m9x7qpb1", "d4k2m9x7qp:1"} {
		if CheckID(id) == nil {
			t.Errorf("%q was taken for an ID", id)
		}
	}
}

func TestDeploymentOf(t *testing.T) {
	const id = "d4k2m9x7qpb1"
	for _, c := range []struct {
		tags []string
		name string
		want string
	}{
		{[]string{"skysail", "skysail-deployment:" + id}, "anything", id},
		{[]string{"Skysail-Deployment:D4K2M9X7QPB1"}, "", id},
		{nil, "skysail-" + id + "-0", id},
		{nil, "skysail-" + id, id},
		{nil, "skysail-deployment:" + id, id},
		{[]string{"skysail-deployment:d1"}, "skysail-web", ""},
		{[]string{"skysail"}, "web", ""},
		{nil, "skysail-" + id + "x", ""},
	} {
		got := DeploymentOf(c.tags, c.name)
		if got != c.want {
			t.Errorf("DeploymentOf(%q, %q) is %q", c.tags, c.name, got)
		}
		if any := Tagged(c.tags, Any) || Named(c.name, Any) || Tagged([]string{c.name}, Any); any != (c.want != "") {
			t.Errorf("%q, %q: any is %v", c.tags, c.name, any)
		}
	}
	if CheckID(Any) == nil {
		t.Error("a sweep must never take what stands for all")
	}
}
