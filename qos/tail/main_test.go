package tail_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain makes fewer checks than rapid would: each polls a real shell some
// fifty times. `make test-logs` asks for more with SKYSAIL_LOG_CHECKS.
func TestMain(m *testing.M) {
	checks := os.Getenv("SKYSAIL_LOG_CHECKS")
	if checks == "" {
		checks = "5"
	}
	if err := flag.Set("rapid.checks", checks); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
