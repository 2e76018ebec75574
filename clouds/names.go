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

// Any stands for every ID, for Tagged and Named where things of all
// deployments are listed. It is no ID itself: CheckID refuses it, so that no
// sweep ever takes it.
const Any = "*"

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

// Tagged says whether one of the tags is that of the deployment, or of any.
func Tagged(tags []string, id string) bool {
	for _, t := range tags {
		if strings.EqualFold(t, DeploymentTag(id)) || id == Any && tagID(t) != "" {
			return true
		}
	}
	return false
}

// Named says whether the name is one that the modules give to things of the
// deployment, or of any: skysail-<ID>, or that with a suffix.
func Named(name, id string) bool {
	if id == Any {
		return nameID(name) != ""
	}
	own := namePrefix + id
	return CheckID(id) == nil && (name == own || strings.HasPrefix(name, own+"-"))
}

// DeploymentOf is the ID that a thing's tags hold, or else its name; empty
// when it is of no deployment.
func DeploymentOf(tags []string, name string) string {
	for _, t := range tags {
		if id := tagID(t); id != "" {
			return id
		}
	}
	if id := tagID(name); id != "" {
		return id // the tag itself, which is a thing at some
	}
	return nameID(name)
}

func tagID(tag string) string {
	tag = strings.ToLower(tag)
	id, ok := strings.CutPrefix(tag, tagPrefix)
	if !ok || CheckID(id) != nil {
		return ""
	}
	return id
}

func nameID(name string) string {
	rest, ok := strings.CutPrefix(name, namePrefix)
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "-")
	if CheckID(id) != nil {
		return ""
	}
	return id
}

// WithDeployment fills in whose each thing is, and leaves out what is nobody's.
func WithDeployment(list []Resource) []Resource {
	out := []Resource{}
	for _, r := range list {
		if r.Deployment = DeploymentOf(r.Tags, r.Name); r.Deployment != "" {
			out = append(out, r)
		}
	}
	return out
}
