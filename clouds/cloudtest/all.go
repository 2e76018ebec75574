// Package cloudtest holds what the tests of several clouds want alike.
package cloudtest

import (
	"context"
	"testing"

	"skysail/clouds"
)

// All wants a list of all deployments to hold what was found of one, and
// something of another, and nothing else.
func All(t *testing.T, list func(context.Context) ([]clouds.Resource, error), found []clouds.Resource, id, other string) {
	t.Helper()
	all, err := list(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	owned := map[string]int{}
	for _, r := range all {
		owned[r.Deployment]++
	}
	if owned[id] != len(found) || owned[other] == 0 || len(owned) != 2 {
		t.Errorf("of all deployments %v are found, want %d of %s and some of %s", owned, len(found), id, other)
	}
}
