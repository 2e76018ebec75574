package runner

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func writeState(t *testing.T, path, lineage string, serial int64, resources int) {
	t.Helper()
	h := header{Version: 4, Lineage: lineage, Serial: serial, Resources: []json.RawMessage{}}
	for range resources {
		h.Resources = append(h.Resources, json.RawMessage(`{"mode":"managed","type":"x","name":"y","instances":[{}]}`))
	}
	b, err := json.Marshal(h)
	must(t, err)
	must(t, os.WriteFile(path, b, 0o600))
}

// TestSalvage lays out what a Terraform can leave when it dies or when a disk
// is full.
func TestSalvage(t *testing.T) {
	type state struct {
		lineage   string
		serial    int64
		resources int
		raw       string // instead of a state
	}
	for name, c := range map[string]struct {
		place, backup, errored *state
		want                   *state // nil: none
		did                    bool
		lost                   bool
	}{
		"nothing":                     {},
		"as it should be":             {place: &state{lineage: "a", serial: 2, resources: 1}, want: &state{lineage: "a", serial: 2}},
		"errored only":                {errored: &state{lineage: "a", serial: 1, resources: 1}, want: &state{lineage: "a", serial: 1}, did: true},
		"errored is later":            {place: &state{lineage: "a", serial: 1, resources: 1}, errored: &state{lineage: "a", serial: 2}, want: &state{lineage: "a", serial: 2}, did: true},
		"errored is older":            {place: &state{lineage: "a", serial: 3, resources: 1}, errored: &state{lineage: "a", serial: 2}, want: &state{lineage: "a", serial: 3}},
		"errored of another":          {place: &state{lineage: "a", serial: 1, resources: 1}, errored: &state{lineage: "b", serial: 9}, want: &state{lineage: "a", serial: 1}},
		"errored, the place is empty": {place: &state{lineage: "a", serial: 1}, errored: &state{lineage: "b", serial: 1, resources: 1}, want: &state{lineage: "b", serial: 1}, did: true},
		"errored is truncated":        {place: &state{lineage: "a", serial: 1, resources: 1}, errored: &state{raw: `{"version": 4, "lin`}, want: &state{lineage: "a", serial: 1}},
		"truncated":                   {place: &state{raw: `{"version": 4, "lin`}, lost: true},
		"truncated to nothing":        {place: &state{raw: ""}, lost: true},
		"truncated, with a backup":    {place: &state{raw: ""}, backup: &state{lineage: "a", serial: 1, resources: 1}, want: &state{lineage: "a", serial: 1}, did: true},
		"truncated, errored":          {place: &state{raw: "x"}, backup: &state{lineage: "a", serial: 1}, errored: &state{lineage: "a", serial: 2}, want: &state{lineage: "a", serial: 2}, did: true},
		"all unreadable":              {place: &state{raw: "x"}, backup: &state{raw: "y"}, errored: &state{raw: "{}"}, lost: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			w := &Workspace{Dir: filepath.Join(dir, "bundle"), Private: filepath.Join(dir, "private")}
			must(t, os.Mkdir(w.Dir, 0o700))
			must(t, os.Mkdir(w.Private, 0o700))
			put := func(path string, s *state) {
				switch {
				case s == nil:
				case s.lineage == "":
					must(t, os.WriteFile(path, []byte(s.raw), 0o600))
				default:
					writeState(t, path, s.lineage, s.serial, s.resources)
				}
			}
			place := filepath.Join(w.Private, stateFile)
			put(place, c.place)
			put(place+".backup", c.backup)
			put(filepath.Join(w.Dir, erroredFile), c.errored)
			did, err := w.Salvage()
			if errors.Is(err, ErrStateLost) != c.lost || err != nil && !c.lost {
				t.Fatalf("error %v", err)
			}
			if (len(did) > 0) != c.did {
				t.Errorf("did %q", did)
			}
			check := func() {
				t.Helper()
				got, err := readHeader(place)
				must(t, err)
				switch {
				case got == nil && c.want == nil:
				case got == nil || c.want == nil || got.Lineage != c.want.lineage || got.Serial != c.want.serial:
					t.Errorf("state %+v, want %+v", got, c.want)
				}
			}
			check()
			if _, err := os.Stat(filepath.Join(w.Dir, erroredFile)); !os.IsNotExist(err) {
				t.Errorf("errored.tfstate is still in the bundle: %v", err)
			}
			if did, err := w.Salvage(); err != nil || len(did) > 0 {
				t.Errorf("again: %q, %v", did, err)
			}
			check()
		})
	}
}

// TestSalvageIsDestroyed lets the real Terraform destroy from a state that was
// picked up.
func TestSalvageIsDestroyed(t *testing.T) {
	w := newWorkspace(t, "service")
	vars := filepath.Join(w.Private, "vars.tfvars")
	must(t, os.WriteFile(vars, []byte("name = \"a\"\nkey = \"b\"\n"), 0o600))
	w.VarFiles = []string{vars}
	must(t, w.Init(t.Context()))
	_, err := w.Plan(t.Context())
	must(t, err)
	must(t, w.Apply(t.Context()))
	before, err := w.Resources(t.Context())
	must(t, err)
	must(t, os.Rename(filepath.Join(w.Private, stateFile), filepath.Join(w.Dir, erroredFile)))
	if did, err := w.Salvage(); err != nil || len(did) != 1 {
		t.Fatalf("%q, %v", did, err)
	}
	after, err := w.Resources(t.Context())
	must(t, err)
	if len(before) == 0 || !slices.Equal(before, after) {
		t.Fatalf("resources %q, then %q", before, after)
	}
	must(t, w.Destroy(t.Context()))
	if left, err := w.Resources(t.Context()); err != nil || len(left) != 0 {
		t.Fatalf("left %q, %v", left, err)
	}
}
