package store

import (
	"path/filepath"
	"testing"
)

// BenchmarkOpen is on the path of every command.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "skysail.db")
	s, err := Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := Open(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
