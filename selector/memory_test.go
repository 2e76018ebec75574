package selector

import (
	"strings"
	"testing"
	"time"

	"skysail/catalog"
)

func TestMemoryDecays(t *testing.T) {
	offer := &catalog.Offer{Provider: "aws", Region: "us-east-1", Type: "m7i.large"}
	capacity := func(ago time.Duration) Shortage {
		return Shortage{Provider: "aws", Region: "us-east-1", Type: "m7i.large", Kind: ShortCapacity, At: today.Add(-ago)}
	}
	quota := func(ago time.Duration) Shortage {
		return Shortage{Provider: "aws", Region: "us-east-1", Type: "t3.small", Kind: ShortQuota, At: today.Add(-ago)}
	}
	with := func(s Shortage, change func(*Shortage)) Shortage {
		change(&s)
		return s
	}
	for name, tt := range map[string]struct {
		memory []Shortage
		want   string // in the text; "" is forgotten
	}{
		"nothing":                     {nil, ""},
		"a stockout just now":         {[]Shortage{capacity(0)}, "out of capacity here 0 s ago"},
		"a stockout 12 minutes ago":   {[]Shortage{capacity(12 * time.Minute)}, "out of capacity here 12 min ago"},
		"a stockout an hour ago":      {[]Shortage{capacity(time.Hour)}, "60 min ago"},
		"a bit more than an hour ago": {[]Shortage{capacity(61 * time.Minute)}, ""},
		"twice, they add up":          {[]Shortage{capacity(61 * time.Minute), capacity(80 * time.Minute)}, "61 min ago"},
		"of the future: clocks":       {[]Shortage{capacity(-time.Hour)}, "0 s ago"},
		"another type":                {[]Shortage{with(capacity(0), func(s *Shortage) { s.Type = "m7i.xlarge" })}, ""},
		"another region":              {[]Shortage{with(capacity(0), func(s *Shortage) { s.Region = "us-west-2" })}, ""},
		"another provider":            {[]Shortage{with(capacity(0), func(s *Shortage) { s.Provider = "gcp" })}, ""},
		"spot":                        {[]Shortage{with(capacity(0), func(s *Shortage) { s.Spot = true })}, ""},
		"a quota of another type":     {[]Shortage{quota(20 * time.Hour)}, "no quota left in this region 20 h ago"},
		"a quota a day ago":           {[]Shortage{quota(25 * time.Hour)}, ""},
		"many quotas long ago":        {[]Shortage{quota(200 * time.Hour), quota(200 * time.Hour)}, ""},
		"another class of fault":      {[]Shortage{with(capacity(0), func(s *Shortage) { s.Kind = "auth" })}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecall(tt.memory, today)
			if w := r.weight(offer, false); (w > 0) != (tt.want != "") {
				t.Fatalf("weight %v", w)
			}
			if tt.want != "" && !strings.Contains(r.text(offer, false), tt.want) {
				t.Errorf("got %q, want %q in it", r.text(offer, false), tt.want)
			}
		})
	}
}

func TestCluster(t *testing.T) {
	in := Input{Service: service(1, 1, 1), Policy: policy()}
	if name, ok := Cluster(in.Service, in.Policy); ok {
		t.Errorf("a small service needs no cluster, got %q", name)
	}
	if name, ok := Cluster(times(service(1, 1, 1), 11), in.Policy); !ok || name != "production" {
		t.Errorf("many instances: got %q, %v", name, ok)
	}
}
