package kube

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// safeBuffer takes the output of a program that runs.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (s *safeBuffer) await(tb testing.TB, text string) {
	tb.Helper()
	for range 200 {
		if strings.Contains(s.String(), text) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	tb.Fatalf("no %q in %q", text, s.String())
}
