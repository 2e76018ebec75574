package spec

import (
	"strings"

	"skysail/internal/hclfile"
	"skysail/internal/lazyregexp"
)

// The grammar of image references, as registries define it: an optional
// registry host, a path, then a tag, a digest or both.
const (
	imageHost = `(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?`
	imagePart = `[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
	imageName = `(?:` + imageHost + `/)?` + imagePart + `(?:/` + imagePart + `)*`
)

var (
	imageReference = lazyregexp.New(`^(` + imageName + `)(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$`)
	imageScheme    = lazyregexp.New(`^[a-z][a-z0-9+.-]*://`)
)

func (c *Container) mistakes() []mistake {
	match := imageReference.FindStringSubmatch(c.Image)
	if match != nil && len(match[1]) <= 255 {
		return nil
	}
	m := mistake{
		Path:    "source.container.image",
		Summary: "Invalid image reference",
		Detail:  "{value} is no reference to an image: that is NAME, NAME:TAG or NAME@sha256:DIGEST, the name in lower case with an optional registry host before it.",
		Value:   c.Image,
		Hint:    `for example "docker.io/library/nginx:1.28"`,
	}
	if c.Image == "" {
		m.Detail = "The image is empty."
	}
	for _, near := range []string{strings.ToLower(c.Image), imageScheme.ReplaceAllString(c.Image, ""), strings.TrimSpace(c.Image)} {
		if near != c.Image && imageReference.MatchString(near) {
			m.Guess = "did you mean " + hclfile.Quote(near) + "?"
		}
	}
	return []mistake{m}
}
