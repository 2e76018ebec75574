package clouds

import (
	"fmt"
	"regexp"
	"strings"
)

// deploymentID is the form of a deployment's ID. Its length is fixed, so that
// no ID is the beginning of another.
var deploymentID = regexp.MustCompile(`^d[a-z0-9]{11}$`)

const (
	tagPrefix  = "skysail-deployment:"
	namePrefix = "skysail-"
)

// CheckID returns an error for what is not a deployment's ID. A sweep that
// was given less than an ID must fail rather than match too much.
func CheckID(id string) error {
	if !deploymentID.MatchString(id) {
		return fmt.Errorf("%q is no deployment ID: it is d and 11 letters or digits", id)
	}
	return nil
}

// DeploymentTag is the tag that everything of a deployment carries, where the
// provider has tags.
func DeploymentTag(id string) string { return tagPrefix + id }

// Tagged says whether one of the tags is that of the deployment.
func Tagged(tags []string, id string) bool {
	for _, t := range tags {
		if strings.EqualFold(t, DeploymentTag(id)) {
			return true
		}
	}
	return false
}

// Named says whether the name is one that the modules give to things of the
// deployment: skysail-<ID>, or that with a suffix.
func Named(name, id string) bool {
	own := namePrefix + id
	return CheckID(id) == nil && (name == own || strings.HasPrefix(name, own+"-"))
}
