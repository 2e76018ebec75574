package tail_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain makes fewer checks than rapid would, as each polls a real shell some
// fifty times, and always the same ones. `make test-logs` asks for more and for
// others with SKYSAIL_LOG_CHECKS.
func TestMain(m *testing.M) {
	set := map[string]string{"rapid.checks": os.Getenv("SKYSAIL_LOG_CHECKS")}
	if set["rapid.checks"] == "" {
		set = map[string]string{"rapid.checks": "5", "rapid.seed": "1"}
	}
	for name, value := range set {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
