package world

import (
	"testing"
	"time"
)

// creates sends n requests and says which of them were struck.
func creates(st *State, n int) []bool {
	var out []bool
	for i := range n {
		out = append(out, strike(st, "ewr", string(rune('a'+i%26))+time.Duration(i).String(), time.Duration(i)*time.Second) != "")
	}
	return out
}

func TestARateStrikesThatPartAndTheSameOfASeed(t *testing.T) {
	run := func(seed uint64) (hits int, which []bool) {
		var st State
		st.SetFault(Fault{Provider: Vultr, Kind: Capacity, Chance: Chance{Rate: 0.3, Seed: seed}})
		which = creates(&st, 1000)
		for _, hit := range which {
			if hit {
				hits++
			}
		}
		return hits, which
	}
	hits, first := run(1)
	if hits < 250 || hits > 350 {
		t.Errorf("%d of 1000 creates failed at a rate of 0.3", hits)
	}
	same, other := 0, 0
	_, again := run(1)
	_, third := run(2)
	for i := range first {
		if first[i] == again[i] {
			same++
		}
		if first[i] != third[i] {
			other++
		}
	}
	if same != len(first) || other == 0 {
		t.Errorf("the same seed agreed in %d of %d; another seed differed in %d", same, len(first), other)
	}
}

// Dice are thrown for an attempt, not for its repeats.
func TestARepeatIsNotDecidedAgain(t *testing.T) {
	var st State
	st.SetFault(Fault{Provider: Vultr, Kind: HalfMade, Chance: Chance{Rate: 0.5}})
	request := ""
	for i := 0; ; i++ {
		request = time.Duration(i).String()
		if strike(&st, "ewr", request, 0) != "" {
			break
		}
	}
	seen := st.Faults[0].Seen
	for i := range 20 {
		if got := strike(&st, "ewr", request, time.Duration(i)*time.Second); got != HalfMade {
			t.Fatalf("repeat %d: %q", i, got)
		}
	}
	if st.Faults[0].Seen != seen {
		t.Errorf("%d decisions after repeats, want %d", st.Faults[0].Seen, seen)
	}
}

func TestTheDiceGoOnAfterARestart(t *testing.T) {
	var whole State
	whole.SetFault(Fault{Provider: Vultr, Kind: Quota, Chance: Chance{Rate: 0.5, Seed: 9}})
	want := creates(&whole, 40)

	w := newWorld(t)
	update(t, w, func(st *State) { st.SetFault(Fault{Provider: Vultr, Kind: Quota, Chance: Chance{Rate: 0.5, Seed: 9}}) })
	var got []bool
	update(t, w, func(st *State) { got = creates(st, 15) })
	update(t, open(t, w.path), func(st *State) { got = append(got, creates(st, 25)...) })
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("create %d: struck = %v, want %v", i, got[i], want[i])
		}
	}
}

// Credentials that are refused now and then are refused to creates only.
func TestAuthWithARateStrikesCreates(t *testing.T) {
	var st State
	st.SetFault(Fault{Provider: Vultr, Kind: Auth, Chance: Chance{Rate: 1}})
	if st.AuthFault(Vultr) || st.StrikeAuth(Vultr, begin) {
		t.Error("it strikes every call")
	}
	if got := strike(&st, "ewr", "r", 0); got != Auth {
		t.Errorf("a create: %q", got)
	}
}

func TestWordsAndChancesAreChecked(t *testing.T) {
	said := &Words{Code: "VcpuLimitExceeded", Message: "no"}
	for _, tc := range []struct {
		f  Fault
		ok bool
	}{
		{Fault{Provider: AWS, Kind: Worded, Words: said}, true},
		{Fault{Provider: AWS, Kind: Worded, Words: said, Chance: Chance{Rate: 1, Seed: 3}}, true},
		{Fault{Provider: AWS, Kind: Worded}, false},
		{Fault{Provider: AWS, Kind: Capacity, Words: said}, false},
		{Fault{Provider: AWS, Kind: Worded, Words: &Words{Code: "X"}}, false},
		{Fault{Provider: AWS, Kind: Worded, Words: &Words{Code: "<X>", Message: "no"}}, false},
		{Fault{Provider: AWS, Kind: Worded, Words: &Words{Message: "no", Status: 200}}, false},
		{Fault{Provider: AWS, Kind: Worded, Words: &Words{Message: string(make([]byte, maxWords+1))}}, false},
		{Fault{Provider: AWS, Kind: Capacity, Delay: time.Hour}, true},
		{Fault{Provider: AWS, Kind: Capacity, Delay: -time.Hour}, false},
		{Fault{Provider: AWS, Kind: Hang, Delay: time.Hour}, false},
		{Fault{Provider: GCP, Kind: Capacity, Delay: time.Hour}, false},
		{Fault{Provider: AWS, Kind: Capacity, Chance: Chance{Rate: 1.1}}, false},
		{Fault{Provider: AWS, Kind: Capacity, Chance: Chance{Rate: -0.1}}, false},
		{Fault{Provider: AWS, Kind: Capacity, Chance: Chance{Seed: 1}}, false},
	} {
		if err := tc.f.Validate(); (err == nil) != tc.ok {
			t.Errorf("%+v: %v", tc.f, err)
		}
	}
}

// Two sayings of one provider stand side by side; the same one is replaced.
func TestWordsReplaceTheSameWords(t *testing.T) {
	var st State
	for _, code := range []string{"A", "B", "A"} {
		st.SetFault(Fault{Provider: AWS, Kind: Worded, Words: &Words{Code: code, Message: "no"}})
	}
	if got := st.Armed(); len(got) != 2 || got[0].Words.Code != "B" || got[1].Words.Code != "A" {
		t.Errorf("armed: %+v", got)
	}
}
