package store

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"
)

func TestSIGKILLLosesNoAcknowledgedSample(t *testing.T) {
	path := newStore(t)
	rnd := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	next := 0
	unsure := map[time.Time]bool{} // those after the last that was acknowledged
	for range 8 {
		cmd, out, _ := startHelper(t, "store-sampler", path, fmt.Sprint(next))
		if !out.Scan() {
			t.Fatal("the writer wrote nothing")
		}
		last := out.Text()
		timer := time.AfterFunc(time.Duration(20+rnd.IntN(60))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		for out.Scan() {
			last = out.Text()
		}
		timer.Stop()
		if err := cmd.Wait(); err == nil {
			t.Fatal("the writer was not killed")
		}
		if _, err := fmt.Sscan(last, &next); err != nil {
			t.Fatal(err)
		}
		unsure[epoch.Add(time.Duration(next+1)*time.Minute)] = true
		next += 2
	}
	now := epoch.Add(time.Duration(next) * time.Minute)
	s := clocked(t, filepath.Dir(path), &now)
	defer s.Close()
	var chunks int
	must(t, s.db.QueryRowContext(t.Context(), `SELECT count(*) FROM sample_chunks`).Scan(&chunks))
	r, err := s.SampleRange(t.Context(), SampleQuery{Deployment: "d1", From: epoch, To: now, Step: time.Minute})
	must(t, err)
	there := map[time.Time]uint64{}
	for _, p := range r.Series[0].Points {
		there[p.Time] = p.Count
	}
	for i := range next {
		at := epoch.Add(time.Duration(i) * time.Minute)
		if n := there[at]; n != 1 && (n != 0 || !unsure[at]) {
			t.Errorf("sample %d of %d is there %d times", i, next, n)
		}
	}
	rolled := uint64(0)
	for _, p := range span(t, s, epoch, now, time.Hour) {
		rolled += p.Count
	}
	if rolled != uint64(len(there)) {
		t.Errorf("%d samples are rolled up of %d", rolled, len(there))
	}
	t.Logf("%d samples over 8 kills, in %d chunks", next, chunks)
	if next > 60 && chunks == 0 {
		t.Error("nothing was compressed meanwhile")
	}
}

func TestRetentionOfSamples(t *testing.T) {
	now := epoch
	s := clocked(t, t.TempDir(), &now)
	defer s.Close()
	must(t, s.Create(t.Context(), deployment("d1", "echo")))
	add := func(instance string) {
		must(t, s.AddSamples(t.Context(), "d1", []Sample{
			{Instance: instance, Source: "ssh", Name: "n_total", Value: 1, ObservedAt: now, CollectedAt: now},
		}))
	}
	add("gone")
	for range 1500 {
		now = now.Add(7 * time.Hour)
		add("i1")
	}
	age := func(what string) time.Duration {
		var at int64
		must(t, s.db.QueryRowContext(t.Context(), `SELECT coalesce(min(at), 0) FROM (`+what+`)`).Scan(&at))
		return now.Sub(time.UnixMilli(at))
	}
	for what, want := range map[string]time.Duration{
		`SELECT collected_at AS at FROM sample_tail`:                   14 * time.Hour,
		`SELECT collected_at AS at FROM sample_chunks`:                 24 * time.Hour,
		`SELECT start_at AS at FROM sample_rollups WHERE step=300000`:  fiveMinutesRetention,
		`SELECT start_at AS at FROM sample_rollups WHERE step=3600000`: hoursRetention,
	} {
		if got := age(what); got < want*9/10-14*time.Hour || got > want+48*time.Hour {
			t.Errorf("%s: the oldest is %s old, want about %s", what, got, want)
		}
	}
	var targets int
	must(t, s.db.QueryRowContext(t.Context(), `SELECT count(*) FROM sample_targets`).Scan(&targets))
	if targets != 1 {
		t.Errorf("%d targets are known, want the 1 of the last 400 days", targets)
	}
	points := span(t, s, now.Add(-300*24*time.Hour), now.Add(time.Hour), time.Minute)
	if len(points) < 300*24/7 {
		t.Errorf("%d points of 300 days", len(points))
	}
}
