package deploy

import (
	"context"
	"fmt"
	"strings"

	"skysail/clouds"
	"skysail/policies"
)

// provider says where a cloud's credentials are, whether they are valid and
// whose they are.
func (doc *doctor) provider(ctx context.Context, name string) []Check {
	switch name {
	case policies.Local:
		return nil
	case policies.Kubernetes:
		return doc.clusters(ctx)
	}
	out := Check{Group: GroupClouds, Name: name}
	c, err := doc.d.cloud(name, doc.env)
	if err != nil {
		out.State, out.Detail = CheckAbsent, err.Error()
		return []Check{out}
	}
	if err := c.Credentials(); err != nil {
		out.State = CheckAbsent
		out.Detail, out.Fix = missing(err)
		return []Check{out}
	}
	checker, ok := c.(Checker)
	if !ok {
		out.State, out.Detail = CheckOK, "credentials found; this provider has nothing that tries them"
		return []Check{out}
	}
	account, err := checker.Check(ctx)
	from := ""
	if account.Source != "" {
		from = "credentials from " + account.Source
	}
	switch {
	case err == nil && account.ID == "":
		out.State, out.Detail = CheckOK, "valid "+from
	case err == nil:
		out.State, out.Detail = CheckOK, account.ID+", "+from
	default:
		if ctx.Err() != nil {
			err = fmt.Errorf("no answer within %s, so the credentials could not be tried\nSee what is said of the network below", doctorTimeout)
		}
		out = failedCheck(GroupClouds, name, err)
		out.Detail = strings.TrimPrefix(strings.TrimPrefix(out.Detail, name+": "), "gave up after 1 attempts, last error : ")
		if from != "" {
			out.Detail += " (" + from + ")"
		}
	}
	out.Detail, out.Fix = redact(out.Detail, c), redact(out.Fix, c)
	return []Check{out}
}

// missing parts an error of Credentials, which says what is missing and then
// how to get it.
func missing(err error) (what, fix string) {
	text := strings.TrimSpace(err.Error())
	first, rest, _ := strings.Cut(text, "\n")
	if what, how, ok := strings.Cut(first, ": "); ok && rest == "" {
		return what, upperFirst(how)
	}
	return first, upperFirst(strings.TrimSpace(rest))
}

func upperFirst(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// redact takes a cloud's credentials out of a text in which none should be.
func redact(text string, c Cloud) string {
	plain := clouds.NetworkEnv(clouds.MapEnv(c.TerraformEnv()))
	for name, value := range c.TerraformEnv() {
		if _, ok := plain[name]; ok || len(value) < 16 || strings.HasPrefix(value, "http") {
			continue
		}
		// The path of a file of credentials is no secret.
		if strings.HasPrefix(value, "/") {
			continue
		}
		text = strings.ReplaceAll(text, value, "[hidden]")
	}
	return text
}
