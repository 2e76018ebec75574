package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestReactions(t *testing.T) {
	s := openTest(t)
	running(t, s, deployment("d1", "echo"), Instance{ID: "i"})
	running(t, s, deployment("d2", "other"), Instance{ID: "j"})
	first := Reaction{Name: "echo", Deployment: "d1", Kind: "failover", Evidence: json.RawMessage(`[{"instance":"i"}]`), Why: "i: health since 12:00"}
	first, err := s.BeginReaction(t.Context(), first, nil)
	must(t, err)
	_, err = s.BeginReaction(t.Context(), Reaction{Name: "other", Deployment: "d2", Kind: "restart", Evidence: json.RawMessage("[]"), Outcome: ReactionTold}, nil)
	must(t, err)

	got, err := s.Reactions(t.Context(), "echo", time.Time{})
	must(t, err)
	if len(got) != 1 || got[0].Outcome != "" || !got[0].EndedAt.IsZero() || got[0].BeganAt.IsZero() || string(got[0].Evidence) != string(first.Evidence) {
		t.Errorf("begun: %+v", got)
	}
	if open, err := s.OpenReactions(t.Context(), time.Now().Add(time.Minute)); err != nil || len(open) != 1 || open[0].Seq != first.Seq {
		t.Errorf("open: %+v, %v", open, err)
	}
	first.Outcome, first.Replacement, first.USD = ReactionDone, "d3", 0.25
	for range 2 { // the second changes nothing
		must(t, s.EndReaction(t.Context(), first, nil))
	}
	got, err = s.Reactions(t.Context(), "echo", time.Time{})
	must(t, err)
	if len(got) != 1 || got[0].Outcome != ReactionDone || got[0].Replacement != "d3" || got[0].USD != 0.25 || got[0].EndedAt.IsZero() || got[0].Why != first.Why {
		t.Errorf("ended: %+v", got)
	}
	if later, err := s.Reactions(t.Context(), "echo", got[0].BeganAt.Add(time.Millisecond)); err != nil || len(later) != 0 {
		t.Errorf("later: %+v, %v", later, err)
	}
	if _, err := s.BeginReaction(t.Context(), Reaction{Name: "none", Deployment: "none", Kind: "restart", Evidence: json.RawMessage("[]")}, nil); err == nil {
		t.Error("a deployment that there is not has a reaction")
	}
}

// What people are told of a reaction is written with it, once, or not at all.
func TestReactionsAreToldOnce(t *testing.T) {
	s := openTest(t)
	running(t, s, deployment("d1", "echo"), Instance{ID: "i"})
	tell := func(r Reaction) ([]Notification, error) {
		dedupe := fmt.Sprint(r.Seq, r.Outcome, r.BeganAt.IsZero(), r.EndedAt.IsZero())
		return []Notification{{Dedupe: dedupe, Alert: "echo", Channel: []byte("{}"), Event: []byte("{}")}}, nil
	}
	r := Reaction{Name: "echo", Deployment: "d1", Kind: "restart", Evidence: json.RawMessage("[]")}
	if _, err := s.BeginReaction(t.Context(), r, func(Reaction) ([]Notification, error) { return nil, errors.New("no") }); err == nil {
		t.Error("it began without being told")
	}
	r, err := s.BeginReaction(t.Context(), r, tell)
	must(t, err)
	r.Outcome = ReactionFailed
	for range 2 {
		must(t, s.EndReaction(t.Context(), r, tell))
	}
	held := []Notification{{Dedupe: "held", Alert: "echo/held", Channel: []byte("{}"), Event: []byte("{}")}}
	for range 2 {
		must(t, s.KeepNotifications(t.Context(), held))
	}
	var got []string
	for range 2 { // what comes later waits
		all, err := s.ClaimNotifications(t.Context(), 10, time.Hour)
		must(t, err)
		for _, n := range all {
			got = append(got, n.Dedupe)
			must(t, s.EndNotification(t.Context(), n.ID, ""))
		}
	}
	if want := []string{"1false true", "held", "1failedfalse false"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	if all, err := s.Reactions(t.Context(), "echo", time.Time{}); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
}
