package kube

import (
	"context"
	"embed"
	"fmt"
	"strings"
	"time"
)

//go:embed stages/*.tmpl
var templates embed.FS

// template reads a template of kwok's and puts values in for $NAMES.
func template(name string, pairs ...string) string {
	raw, err := templates.ReadFile("stages/" + name + ".tmpl")
	if err != nil {
		panic(err) // it is part of the program
	}
	return strings.NewReplacer(pairs...).Replace(string(raw))
}

// stage is a change that kwok makes to what it matches. See
// https://kwok.sigs.k8s.io/docs/user/stages-configuration/
type stage struct {
	name  string
	kind  string // Pod or Node
	match []match
	delay time.Duration
	// weight above 0 goes before all stages that have 0.
	weight int
	steps  []any
	fault  string // of which it is a part
}

// match is a condition on an object: a jq expression and the values of which
// it must, or must not, have one. Without values it must exist, or not.
type match struct {
	key    string
	not    bool
	values []string
}

func (m match) object() object {
	op := map[bool]string{false: "In", true: "NotIn"}[m.not]
	if len(m.values) == 0 {
		op = map[bool]string{false: "Exists", true: "DoesNotExist"}[m.not]
	}
	jq := object{"key": m.key, "operator": op}
	if len(m.values) > 0 {
		jq["values"] = m.values
	}
	return object{"jq": jq}
}

func (s stage) object() object {
	var expressions []any
	for _, m := range s.match {
		expressions = append(expressions, m.object())
	}
	labels := object{}
	if s.fault != "" {
		labels[faultLabel] = s.fault
	}
	return object{
		"apiVersion": kwokGroup + "/v1alpha1", "kind": "Stage", "metadata": object{"name": s.name, "labels": labels},
		"spec": object{
			"resourceRef": object{"apiGroup": "v1", "kind": s.kind},
			"selector":    object{"matchExpressions": expressions},
			"delay":       object{"durationMilliseconds": s.delay.Milliseconds()},
			"weight":      s.weight,
			"steps":       s.steps,
		},
	}
}

// patchStatus is the step that changes an object's status.
func patchStatus(template string) any {
	return object{"patch": object{"subresource": "status", "root": "status", "type": "strategic", "template": template}}
}

var (
	alive = match{key: ".metadata.deletionTimestamp", not: true}
	// ofJob are pods that run to their end, such as Helm's hooks.
	ofJob = `.metadata.ownerReferences.[].kind`
	ready = `.status.conditions.[] | select( .type == "Ready" ) | .status`
)

// ordinary is what happens to nodes and pods when nothing goes wrong.
func ordinary() []stage {
	node, running := template("node"), template("running", "$READY", "True", "$WHY", "", "$CONTAINER", "true")
	return []stage{
		{
			name: "node-ready", kind: "Node", steps: []any{patchStatus(node)},
			match: []match{{key: ready, not: true, values: []string{"True"}}},
		},
		{
			name: "pod-ready", kind: "Pod", steps: []any{patchStatus(running)},
			match: []match{alive, {key: ".status.phase", values: []string{"Pending"}}},
		},
		{
			name: "pod-complete", kind: "Pod", steps: []any{patchStatus(template("completed"))}, delay: 200 * time.Millisecond,
			match: []match{alive, {key: ".status.phase", values: []string{"Running"}}, {key: ofJob, values: []string{"Job"}}},
		},
		{
			name: "pod-delete", kind: "Pod", steps: []any{object{"delete": true}},
			match: []match{{key: ".metadata.deletionTimestamp"}},
		},
	}
}

func (c *Cluster) applyStages(ctx context.Context, stages []stage) error {
	for _, s := range stages {
		if err := c.Apply(ctx, stagePath(s.name), s.object()); err != nil {
			return fmt.Errorf("stage %s: %w", s.name, err)
		}
	}
	return nil
}

func stagePath(name string) string { return "/apis/" + kwokGroup + "/v1alpha1/stages/" + name }
