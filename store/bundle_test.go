package store

import (
	"errors"
	"path/filepath"
	"testing"

	"skysail/internal/failure"
)

func TestBundleIsUsedOnce(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "s.db")
	s, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if u, err := s.BundleUse(ctx, "h1"); u != nil || err != nil {
		t.Fatalf("%+v, %v", u, err)
	}
	if err := s.CreateOf(ctx, deployment("d1", "echo"), "h1"); err != nil {
		t.Fatal(err)
	}
	u, err := s.BundleUse(ctx, "h1")
	if err != nil || u.Deployment != "d1" || u.Name != "echo" || u.At.IsZero() {
		t.Errorf("%+v, %v", u, err)
	}
	// A second use makes nothing, under whatever name.
	if err := s.CreateOf(ctx, deployment("d2", "other"), "h1"); !errors.Is(err, ErrUsed) {
		t.Errorf("a second use: %v", err)
	}
	if _, err := s.Get(ctx, "d2"); !errors.Is(err, ErrNotFound) {
		t.Errorf("it made a deployment: %v", err)
	}
	// A name that is taken uses nothing.
	if err := s.CreateOf(ctx, deployment("d3", "echo"), "h3"); failure.CodeOf(err) != failure.Input {
		t.Errorf("a name that is taken: %v", err)
	}
	if u, err := s.BundleUse(ctx, "h3"); u != nil || err != nil {
		t.Errorf("%+v, %v", u, err)
	}
	// Of one that never began nothing is kept; one that began stays used.
	if err := s.Discard(ctx, "d1"); err != nil {
		t.Fatal(err)
	}
	if u, err := s.BundleUse(ctx, "h1"); u != nil || err != nil {
		t.Errorf("%+v, %v", u, err)
	}
	if err := s.CreateOf(ctx, deployment("d4", "echo"), "h1"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetPhase(ctx, "d4", FailedAll, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Discard(ctx, "d4"); !errors.Is(err, ErrNotFound) {
		t.Errorf("discarding what has begun: %v", err)
	}
	if u, err := s.BundleUse(ctx, "h1"); u == nil || err != nil {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestInstallation(t *testing.T) {
	names := map[string]bool{}
	for range 2 {
		s, err := Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
		if err != nil {
			t.Fatal(err)
		}
		one, err := s.Installation(t.Context())
		if err != nil || len(one) != 16 {
			t.Errorf("%q, %v", one, err)
		}
		if again, err := s.Installation(t.Context()); again != one || err != nil {
			t.Errorf("%q, then %q, %v", one, again, err)
		}
		names[one] = true
		_ = s.Close()
	}
	if len(names) != 2 {
		t.Error("two stores have one name")
	}
}
