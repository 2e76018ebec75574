package world

import (
	"testing"
	"time"
)

var begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func strike(st *State, region, request string, after time.Duration) string {
	f, _ := st.StrikeCreate(Create{Provider: Vultr, Region: region, Request: request}, begin.Add(after))
	if f == nil {
		return ""
	}
	return f.Kind
}

func TestValidateFault(t *testing.T) {
	for _, tc := range []struct {
		f  Fault
		ok bool
	}{
		{Fault{Provider: Vultr, Kind: Capacity}, true},
		{Fault{Provider: DigitalOcean, Kind: Hang, Region: "nyc1", Times: 3}, true},
		{Fault{Provider: "azure", Kind: Capacity}, false},
		{Fault{Provider: Vultr, Kind: "fire"}, false},
		{Fault{Provider: Vultr, Kind: Capacity, Times: -1}, false},
		{Fault{Provider: Vultr, Kind: Auth, Region: "ewr"}, false},
	} {
		if err := tc.f.Validate(); (err == nil) != tc.ok {
			t.Errorf("%+v: %v", tc.f, err)
		}
	}
}

func TestARefusalCountsEachRequest(t *testing.T) {
	var st State
	st.SetFault(Fault{Provider: Vultr, Kind: Capacity, Times: 2})
	for i, want := range []string{Capacity, Capacity, "", ""} {
		if got := strike(&st, "ewr", "same", time.Duration(i)*time.Second); got != want {
			t.Errorf("request %d: %q, want %q", i+1, got, want)
		}
	}
	if len(st.Armed()) != 0 {
		t.Errorf("still armed: %+v", st.Armed())
	}
}

// TestAWSStockoutsAreRepeated: AWS answers 500, so its clients ask again.
func TestAWSStockoutsAreRepeated(t *testing.T) {
	var st State
	st.SetFault(Fault{Provider: AWS, Kind: Capacity, Times: 1})
	for i, want := range []struct{ request, kind string }{{"first", Capacity}, {"first", Capacity}, {"second", ""}} {
		f, _ := st.StrikeCreate(Create{Provider: AWS, Region: "us-east-1", Request: want.request}, begin.Add(time.Duration(i)*time.Second))
		if got := f != nil; got != (want.kind != "") {
			t.Errorf("request %d: %+v", i+1, f)
		}
	}
}

func TestWithoutTimesAFaultLasts(t *testing.T) {
	var st State
	st.SetFault(Fault{Provider: Vultr, Kind: Quota})
	for range 10 {
		if strike(&st, "ewr", "r", 0) != Quota {
			t.Fatal("it ended")
		}
	}
	st.ClearFaults(DigitalOcean)
	if strike(&st, "ewr", "r", 0) != Quota {
		t.Error("another provider's faults were cleared with it")
	}
	st.ClearFaults(Vultr)
	if strike(&st, "ewr", "r", 0) != "" {
		t.Error("a cleared fault strikes")
	}
}

func TestAFaultOfARegion(t *testing.T) {
	var st State
	st.SetFault(Fault{Provider: Vultr, Kind: Capacity, Region: "EWR"})
	if got := strike(&st, "ewr", "r", 0); got != Capacity {
		t.Errorf("in the region: %q", got)
	}
	if got := strike(&st, "ord", "r", 0); got != "" {
		t.Errorf("elsewhere: %q", got)
	}
	if f, _ := st.StrikeCreate(Create{Provider: DigitalOcean, Region: "ewr"}, begin); f != nil {
		t.Errorf("at another provider: %+v", f)
	}
}

func TestANewOrderReplacesTheOld(t *testing.T) {
	var st State
	st.SetFault(Fault{Provider: Vultr, Kind: Capacity, Times: 1})
	st.SetFault(Fault{Provider: Vultr, Kind: Capacity, Times: 5})
	st.SetFault(Fault{Provider: Vultr, Kind: Capacity, Region: "ewr", Times: 1})
	if got := st.Armed(); len(got) != 2 || got[0].Left != 5 {
		t.Errorf("armed: %+v", got)
	}
}

// TestRepeatsAreOneAttempt is what makes `--times 1` fail one run of
// Terraform: its client sends a request that got a 5xx four times more.
func TestRepeatsAreOneAttempt(t *testing.T) {
	for _, kind := range []string{HalfMade, Hang} {
		t.Run(kind, func(t *testing.T) {
			var st State
			st.SetFault(Fault{Provider: Vultr, Kind: kind, Times: 1})
			for i := range 5 {
				if got := strike(&st, "ewr", "first", time.Duration(i)*30*time.Second); got != kind {
					t.Fatalf("repeat %d: %q", i, got)
				}
			}
			if len(st.Armed()) != 0 {
				t.Error("an exhausted fault is listed")
			}
			if got := strike(&st, "ewr", "second", 150*time.Second); got != "" {
				t.Errorf("another request: %q", got)
			}
			if got := strike(&st, "ewr", "first", 10*time.Minute); got != "" {
				t.Errorf("the same request much later: %q", got)
			}
			if len(st.Faults) != 0 {
				t.Errorf("kept: %+v", st.Faults[0])
			}
		})
	}
}

// TestADeletedServerEndsTheAttempt lets a client that cleaned up try the very
// same request again and succeed.
func TestADeletedServerEndsTheAttempt(t *testing.T) {
	var st State
	st.SetFault(Fault{Provider: Vultr, Kind: HalfMade, Times: 1})
	_, a := st.StrikeCreate(Create{Provider: Vultr, Request: "r"}, begin)
	st.Servers = append(st.Servers, &Server{Provider: Vultr, ID: "orphan"})
	a.Servers = append(a.Servers, "orphan")
	if got := strike(&st, "", "r", time.Second); got != HalfMade {
		t.Fatalf("a repeat: %q", got)
	}
	st.Servers[0].Deleting = true
	if got := strike(&st, "", "r", 2*time.Second); got != "" {
		t.Errorf("after the clean-up: %q", got)
	}
}

func TestAnAuthFaultCountsBursts(t *testing.T) {
	var st State
	st.SetFault(Fault{Provider: Vultr, Kind: Auth, Times: 2})
	if st.AuthFault(DigitalOcean) || !st.AuthFault(Vultr) {
		t.Error("AuthFault is about the wrong provider")
	}
	for _, tc := range []struct {
		after time.Duration
		want  bool
	}{
		{0, true}, {800 * time.Millisecond, true}, {1600 * time.Millisecond, true}, // one burst
		{20 * time.Second, true}, {20500 * time.Millisecond, true}, // another
		{60 * time.Second, false},
	} {
		if got := st.StrikeAuth(Vultr, begin.Add(tc.after)); got != tc.want {
			t.Errorf("after %s: refused = %v, want %v", tc.after, got, tc.want)
		}
	}
	if st.AuthFault(Vultr) {
		t.Error("a fault that is used up is kept")
	}
}

func TestCountsSurviveARestart(t *testing.T) {
	w := newWorld(t)
	update(t, w, func(st *State) { st.SetFault(Fault{Provider: Vultr, Kind: HalfMade, Times: 1}) })
	update(t, w, func(st *State) { strike(st, "ewr", "r", 0) })
	again := open(t, w.path)
	update(t, again, func(st *State) {
		if got := strike(st, "ewr", "r", time.Second); got != HalfMade {
			t.Errorf("a repeat after the restart: %q", got)
		}
		if got := strike(st, "ewr", "other", time.Second); got != "" {
			t.Errorf("another request after the restart: %q", got)
		}
	})
}
