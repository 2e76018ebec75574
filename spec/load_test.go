package spec

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/internal/hclfile"
)

var update = flag.Bool("update", false, "rewrite the expected texts in testdata")

// testEnv is the environment that test files see.
func testEnv(name string) (string, bool) {
	v, ok := map[string]string{
		"NOT_A_NUMBER": "NaN",
		"INFINITE":     "Inf",
		"TOKEN":        "Confidential Value",
		"TOKEN_LINES":  "confidential\nvalue",
		"API_KEY":      "confidential",
		"REGION":       "eu-1",
		"CPU":          "2.5",
		"PUBLIC":       "true",
	}[name]
	return v, ok
}

var testOptions = hclfile.ParseOptions{LookupEnv: testEnv}

// files returns the service files below testdata.
func files(t *testing.T, folder string) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"*.hcl", "*.json"} {
		m, err := filepath.Glob(filepath.Join("testdata", folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m...)
	}
	if len(out) == 0 {
		t.Fatalf("no files in testdata/%s", folder)
	}
	return out
}

func TestInvalidFiles(t *testing.T) {
	for _, path := range files(t, "invalid") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			_, err := load(path, testOptions)
			var mistakes *hclfile.Error
			if !errors.As(err, &mistakes) {
				t.Fatalf("want an *hclfile.Error, got %T: %v", err, err)
			}
			got := err.Error() + "\n"
			for _, confidential := range []string{"onfidential", "onfidential Value"} {
				if strings.Contains(got, confidential) {
					t.Errorf("the text repeats a value from the environment:\n%s", got)
				}
			}
			golden := path + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("other text than expected (-want +got):\n%s", diff)
			}
		})
	}
}
