package store

import (
	"encoding/json"
	"testing"
	"time"
)

func TestReactions(t *testing.T) {
	s := openTest(t)
	running(t, s, deployment("d1", "echo"), Instance{ID: "i"})
	running(t, s, deployment("d2", "other"), Instance{ID: "j"})
	first := Reaction{Name: "echo", Deployment: "d1", Kind: "failover", Evidence: json.RawMessage(`[{"instance":"i"}]`), Why: "i: health since 12:00"}
	seq, err := s.BeginReaction(t.Context(), first)
	must(t, err)
	_, err = s.BeginReaction(t.Context(), Reaction{Name: "other", Deployment: "d2", Kind: "restart", Evidence: json.RawMessage("[]"), Outcome: ReactionTold})
	must(t, err)

	got, err := s.Reactions(t.Context(), "echo", time.Time{})
	must(t, err)
	if len(got) != 1 || got[0].Outcome != "" || !got[0].EndedAt.IsZero() || got[0].BeganAt.IsZero() || string(got[0].Evidence) != string(first.Evidence) {
		t.Errorf("begun: %+v", got)
	}
	first.Seq, first.Outcome, first.Replacement, first.USD = seq, ReactionDone, "d3", 0.25
	for range 2 { // the second changes nothing
		must(t, s.EndReaction(t.Context(), first))
	}
	got, err = s.Reactions(t.Context(), "echo", time.Time{})
	must(t, err)
	if len(got) != 1 || got[0].Outcome != ReactionDone || got[0].Replacement != "d3" || got[0].USD != 0.25 || got[0].EndedAt.IsZero() || got[0].Why != first.Why {
		t.Errorf("ended: %+v", got)
	}
	if later, err := s.Reactions(t.Context(), "echo", got[0].BeganAt.Add(time.Millisecond)); err != nil || len(later) != 0 {
		t.Errorf("later: %+v, %v", later, err)
	}
	if _, err := s.BeginReaction(t.Context(), Reaction{Name: "none", Deployment: "none", Kind: "restart", Evidence: json.RawMessage("[]")}); err == nil {
		t.Error("a deployment that there is not has a reaction")
	}
}
