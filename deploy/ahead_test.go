package deploy

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skysail/catalog"
	"skysail/clouds"
	"skysail/selector"
	"skysail/spec"
	"skysail/store"
)

// told is a cloud of which only the look at the limits is used.
type told struct {
	Cloud
	room clouds.Room
	err  error
	wait time.Duration
	want clouds.Want
}

func (c *told) Quota(_ context.Context, w clouds.Want) (clouds.Room, error) {
	c.want = w
	time.Sleep(c.wait)
	return c.room, c.err
}

func TestRoomFor(t *testing.T) {
	full := clouds.Room{Limit: "L-1216C47A", Max: 32, Used: 30, Need: 4}
	cases := []struct {
		name   string
		cloud  Cloud
		want   clouds.Room
		warned string
	}{
		{"told", &told{room: full}, full, ""},
		{"not told", &told{}, clouds.Room{}, ""},
		{"an error is no answer", &told{room: full, err: errors.New("throttled")}, clouds.Room{}, "throttled"},
		{"neither is one that comes too late", &told{room: full, wait: 3 * time.Second}, clouds.Room{}, "no answer within 1s"},
		{"a cloud that can not be asked", struct{ Cloud }{}, clouds.Room{}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			warned := ""
			d := &Deployer{opts: Options{Progress: func(ev Event) { warned += ev.Text }}}
			a := &attempt{
				dep: &store.Deployment{Service: spec.Service{Instances: 3}}, row: store.Attempt{Zone: "use1-b", Spot: true}, cloud: c.cloud,
				candidate: &selector.Candidate{Offer: &catalog.Offer{Region: "use1", Type: "big", VCPU: 8, GPU: &catalog.GPU{Model: "L4", Count: 2}}},
			}
			began := time.Now()
			got := d.roomFor(t.Context(), a)
			if got != c.want || !strings.Contains(warned, c.warned) || (c.warned == "") != (warned == "") {
				t.Errorf("room %+v, warned %q", got, warned)
			}
			if took := time.Since(began); took > quotaTimeout+time.Second {
				t.Errorf("it took %s", took)
			}
			if x, ok := c.cloud.(*told); ok {
				want := clouds.Want{Region: "use1", Zone: "use1-b", Type: "big", Spot: true, Count: 3, VCPU: 8, GPUs: 2, GPUModel: "L4"}
				if x.want != want {
					t.Errorf("asked %+v", x.want)
				}
			}
		})
	}
}

func TestDropPrepared(t *testing.T) {
	d := &Deployer{home: t.TempDir()}
	for n := 1; n <= 3; n++ {
		if err := os.MkdirAll(filepath.Join(d.attemptDir("d1", n), "private"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.dropPrepared("d1", []store.Attempt{{N: 1}, {N: 2}}); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(d.home, "deployments", "d1", "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("left %v, %v", left, err)
	}
}
