package clouds

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ToolConfig reads the YAML file in which a provider's own command keeps its
// settings. A file that is not there is an empty one. Errors never hold any
// of the file's content, since that is credentials.
func ToolConfig(path string) (map[string]any, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the user's own configuration, at the place its program keeps it
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]any{}, nil
	}
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	// The decoder's error quotes the value that it stumbled over.
	if yaml.Unmarshal(raw, &out) != nil {
		return nil, fmt.Errorf("%s is not valid YAML", path)
	}
	return out, nil
}

// ToolSetting is the text at a key of a ToolConfig, or empty.
func ToolSetting(config map[string]any, key string) string {
	s, _ := config[key].(string)
	return strings.TrimSpace(s)
}

// CleanToken takes off what copying and pasting puts around a token.
func CleanToken(s string) string { return strings.Trim(strings.TrimSpace(s), `'"`) }
