package deploy

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"skysail/policies"
	"skysail/qos/notify"
	"skysail/qos/react"
	"skysail/store"
)

// maxSeen is of how many instances people are told the evidence.
const maxSeen = 10

// reactionStates are the outcomes on record as people are told of them.
var reactionStates = map[string]string{
	"": notify.Begun, store.ReactionDone: notify.Done, store.ReactionFailed: notify.Failed, store.ReactionTold: notify.DryRun,
}

// telling makes what the channels of a deployment's policy are told of one of
// its reactions.
func (r *Reactor) telling(ctx context.Context, row *store.Deployment) (store.Tell, error) {
	installation, err := r.d.store.Installation(ctx)
	if err != nil {
		return nil, err
	}
	return func(x store.Reaction) ([]store.Notification, error) {
		state := reactionStates[x.Outcome]
		e := reactionEvent(row, state, x.Kind, x.Evidence)
		e.FiredAt, e.ResolvedAt = x.BeganAt, x.EndedAt
		e.Reaction.USD, e.Reaction.Replacement = x.USD, x.Replacement
		e.Summary, e.Reaction.Did = reactionWords(&x, e.Reaction.Seen)
		key := []string{installation, row.Name, notify.ReactionName, strconv.FormatInt(x.Seq, 10)}
		e.DedupKey = "skysail-" + notify.Digest(key...)
		return notify.Address(e, strings.Join(key[1:], "/"), notify.Told(row.Policy.Notify, e.Severity), append(key, state)...)
	}, nil
}

// tellHeld tells that the policy's bound for a day keeps a reaction back, once
// for the reactions that have reached it.
func (r *Reactor) tellHeld(ctx context.Context, row *store.Deployment, v react.Verdict) error {
	installation, err := r.d.store.Installation(ctx)
	if err != nil {
		return err
	}
	evidence, err := json.Marshal(v.Evidence)
	if err != nil {
		return err
	}
	e := reactionEvent(row, notify.Held, string(row.Policy.Reaction.OnUnhealthy), evidence)
	e.FiredAt = time.Now().UTC()
	e.Summary = "no " + e.Reaction.Kind + ", though it is not healthy: " + v.Held
	e.Reaction.Did = "nothing, and nothing before " + v.Until.UTC().Format(time.RFC3339) + ": somebody must look at it"
	if e.Reaction.DryRun {
		e.Reaction.Did = "nothing, as the policy has dry_run; nothing is said before " + v.Until.UTC().Format(time.RFC3339)
	}
	key := []string{installation, row.Name, notify.ReactionName, v.Limit, v.Last.UTC().Format(time.RFC3339Nano)}
	e.DedupKey = "skysail-" + notify.Digest(key...)
	all, err := notify.Address(e, strings.Join(key[1:], "/"), notify.Told(row.Policy.Notify, e.Severity), append(key, e.State)...)
	if err != nil {
		return err
	}
	return r.d.store.KeepNotifications(ctx, all)
}

func reactionEvent(row *store.Deployment, state, kind string, evidence []byte) notify.Event {
	var seen []react.Evidence
	_ = json.Unmarshal(evidence, &seen) // it is our own
	lines := []string{}
	for i, x := range seen {
		if i == maxSeen {
			lines = append(lines, fmt.Sprintf("and %d more instances", len(seen)-i))
			break
		}
		lines = append(lines, x.String())
	}
	labels := map[string]string{"on_unhealthy": kind, "provider": row.Provider, "region": row.Region}
	if row.Sandbox {
		labels["sandbox"] = "true"
	}
	return notify.Event{
		Version: 1, State: state, Alert: notify.ReactionName, Severity: notify.ReactionSeverity(state), Deployment: row.Name, Labels: labels,
		Reaction: &notify.Reaction{Kind: kind, Seen: lines, DryRun: row.Policy.Reaction.DryRun, More: "skysail explain " + row.Name},
	}
}

// reactionWords are a reaction in one line, and what was done.
func reactionWords(x *store.Reaction, seen []string) (summary, did string) {
	// The name stands before the colon.
	names := make([]string, len(seen))
	for i, s := range seen {
		names[i], _, _ = strings.Cut(s, ":")
	}
	who := strings.Join(names, ", ") + verbOf(len(names)) + "not healthy"
	switch x.Outcome {
	case "":
		return x.Kind + " begins, as " + who, map[policies.OnUnhealthy]string{
			policies.Restart:      "the service is being restarted on its machine",
			policies.Replace:      "a new deployment is being made beside it; it takes over when it is healthy",
			policies.FailoverAway: "a new deployment is being made elsewhere; it takes over when it is healthy",
		}[policies.OnUnhealthy(x.Kind)]
	case store.ReactionTold:
		return x.Kind + " would begin, as " + who + "; nothing was done, as the policy has dry_run", "nothing, as the policy has dry_run"
	case store.ReactionFailed:
		why, _, _ := strings.Cut(cmp.Or(x.Note, "nobody knows why"), "\n")
		return x.Kind + " failed: " + why, "it was tried and failed: " + cmp.Or(x.Note, "nobody knows why")
	}
	did = "the service was restarted"
	if x.Replacement != "" {
		did = "replaced by " + x.Replacement
	}
	return x.Kind + " done: " + did, did
}

func verbOf(n int) string {
	if n == 1 {
		return " is "
	}
	return " are "
}
