package hclfile

import (
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Kind tells whether the file at path is a "service" or a "policy", by the
// block that it holds, and where that does not tell, by its name. The error,
// an *Error, says why the file cannot be read at all.
func Kind(path string) (string, error) {
	kind := "service"
	if strings.Contains(strings.ToLower(filepath.Base(path)), "policy") {
		kind = "policy"
	}
	f, err := Parse(path, ParseOptions{Kind: kind})
	if err != nil {
		return kind, err
	}
	// What else is wrong with the file is not of interest here.
	content, _, _ := f.hcl.Body.PartialContent(&hcl.BodySchema{
		Blocks: []hcl.BlockHeaderSchema{{Type: "policy"}, {Type: "service", LabelNames: []string{"name"}}},
	})
	found := map[string]bool{}
	for _, b := range content.Blocks {
		found[b.Type] = true
	}
	switch {
	case found["service"]:
		return "service", nil
	case found["policy"]:
		return "policy", nil
	default:
		return kind, nil
	}
}
