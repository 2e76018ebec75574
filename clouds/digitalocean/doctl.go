package digitalocean

import (
	"path/filepath"

	"skysail/clouds"
)

// doctlConfigs are the places where doctl keeps its configuration, on Linux
// and on macOS.
func (c *Cloud) doctlConfigs() []string {
	var out []string
	if dir := c.env.Get("XDG_CONFIG_HOME"); dir != "" {
		out = append(out, filepath.Join(dir, "doctl", "config.yaml"))
	}
	if home := c.env.Get("HOME"); home != "" {
		out = append(out,
			filepath.Join(home, ".config", "doctl", "config.yaml"),
			filepath.Join(home, "Library", "Application Support", "doctl", "config.yaml"),
		)
	}
	return out
}

// doctlToken is the token of doctl's current context: the one called default
// is at access-token, all others are in a list.
func doctlToken(config map[string]any, context string) string {
	if context == "" {
		context = clouds.ToolSetting(config, "context")
	}
	if context == "" || context == "default" {
		return clouds.CleanToken(clouds.ToolSetting(config, "access-token"))
	}
	contexts, _ := config["auth-contexts"].(map[string]any)
	return clouds.CleanToken(clouds.ToolSetting(contexts, context))
}
