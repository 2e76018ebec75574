package plugin

import (
	"context"
	"fmt"
	"strings"

	"skysail/internal/lazyregexp"
)

// The ways to write an image that name what is in it: a link or a path of an
// image or a family.
var imagePath = lazyregexp.New(`projects/[^/]+/global/images/(family/)?[^/]+$`)

// resolveImage finds out whether PROJECT/NAME is an image or a family, as the
// real provider does, and returns its path.
func (c *googleCloud) resolveImage(ctx context.Context, image string) (string, error) {
	if path := imagePath.FindString(image); path != "" {
		return path, nil
	}
	project, thing, ok := strings.Cut(image, "/")
	if !ok || strings.Contains(thing, "/") || project == "family" || project == "global" {
		return "", fmt.Errorf("Could not find image or family %s", image) //nolint:staticcheck // the real provider's words
	}
	_, err := c.Images.Get(project, thing).Context(ctx).Do()
	if err == nil {
		return fmt.Sprintf("projects/%s/global/images/%s", project, thing), nil
	}
	if !googleMissing(err) {
		return "", worded(err, "Error checking if image %s exists", thing)
	}
	_, err = c.Images.GetFromFamily(project, thing).Context(ctx).Do()
	switch {
	case err == nil:
		return fmt.Sprintf("projects/%s/global/images/family/%s", project, thing), nil
	case !googleMissing(err):
		return "", worded(err, "Error checking if family %s exists", thing)
	}
	return "", fmt.Errorf("Could not find image or family %s", image) //nolint:staticcheck // the real provider's words
}
