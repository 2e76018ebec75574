package plugin

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"

	"skysail/clouds"
	"skysail/clouds/local"
	"skysail/internal/lazyregexp"
	"skysail/internal/tfplugin"
)

var (
	sha256Hex    = regexp.MustCompile(`^[0-9a-f]{64}$`)
	variableName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// validate judges what is known; what is not is judged by Create.
func validate(c tfplugin.Object) error {
	problems := []error{validateSource(c)}
	add := func(attribute string, err error) {
		if err != nil {
			problems = append(problems, &tfplugin.Problem{Summary: err.Error(), Attribute: attribute, Err: err})
		}
	}
	if c.IsKnown("deployment_id") {
		add("deployment_id", clouds.CheckID(c.String("deployment_id")))
	}
	if c.IsKnown("name") {
		add("name", local.CheckName(c.String("name")))
	}
	seen := map[int]bool{}
	for _, port := range c.Ints("ports") {
		if port < 1 || port > 65535 {
			add("ports", fmt.Errorf("%d is no port: it is a whole number from 1 to 65535", port))
		}
		if seen[port] {
			add("ports", fmt.Errorf("port %d is there twice", port))
		}
		seen[port] = true
	}
	for name := range c.StringMap("env") {
		if !variableName.MatchString(name) {
			add("env", fmt.Errorf("%q is no name of an environment variable: it is letters, digits and _, not starting with a digit", name))
		}
	}
	return errors.Join(problems...)
}

func validateSource(c tfplugin.Object) error {
	for _, a := range []string{"url", "sha256", "binary", "args", "image"} {
		if !c.IsKnown(a) {
			return nil
		}
	}
	if c.IsSet("image") {
		for _, a := range []string{"url", "sha256", "binary", "args"} {
			if c.IsSet(a) {
				return &tfplugin.Problem{Summary: a + " and image exclude each other", Detail: "A service is either a native archive or a container.", Attribute: a}
			}
		}
		if image := c.String("image"); image == "" || image[0] == '-' {
			return &tfplugin.Problem{Summary: fmt.Sprintf("%q is no image reference", image), Attribute: "image"}
		}
		return nil
	}
	for _, a := range []string{"url", "sha256", "binary"} {
		if !c.IsSet(a) {
			return &tfplugin.Problem{Summary: a + " is missing", Detail: "A service needs url, sha256 and binary for a native archive, or image for a container."}
		}
	}
	if _, err := archiveURL(c.String("url")); err != nil {
		return &tfplugin.Problem{Summary: err.Error(), Err: err}
	}
	if !sha256Hex.MatchString(c.String("sha256")) {
		return &tfplugin.Problem{Summary: "sha256 is not 64 lower-case hex digits", Attribute: "sha256"}
	}
	if b := c.String("binary"); !filepath.IsLocal(b) || filepath.Clean(b) == "." {
		return &tfplugin.Problem{Summary: fmt.Sprintf("%q is no path inside the archive", b), Attribute: "binary"}
	}
	return nil
}

func archiveURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("url is not a URL") // the parser's words quote it, credentials and all
	}
	switch {
	case (u.Scheme == "https" || u.Scheme == "http") && u.Host != "":
		return u, nil
	case u.Scheme == "file" && (u.Host == "" || u.Host == "localhost") && filepath.IsAbs(u.Path):
		return u, nil
	default:
		return nil, fmt.Errorf("url has scheme %q: it is https, http, or file with an absolute path", u.Scheme)
	}
}
