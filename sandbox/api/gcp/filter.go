package gcp

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// A condition of a list's filter: FIELD OP VALUE.
type condition struct {
	path []string
	op   string
	want string
	full *regexp.Regexp // of eq and ne
}

// The two forms of https://cloud.google.com/compute/docs/reference/rest/v1/instances/list:
// `field = value` with =, != and :, and the older `field eq regex`.
var conditionForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\s*([A-Za-z][\w.-]*(?:\."[^"]+"|\.[\w-]+)*)\s*(!=|=|:|\s+eq\s+|\s+ne\s+)\s*(.*?)\s*$`)
})

// parseFilter understands conditions joined by AND, each in parentheses or
// not. The rest of Google's grammar is refused.
func parseFilter(text string) (func(view any) (bool, error), error) {
	if strings.TrimSpace(text) == "" {
		return func(any) (bool, error) { return true, nil }, nil
	}
	var all []condition
	for _, term := range terms(text) {
		c, err := parseCondition(term)
		if err != nil {
			return nil, invalid("filter", text, "Invalid list filter expression.")
		}
		all = append(all, c)
	}
	return func(view any) (bool, error) {
		m, err := fields(view)
		if err != nil {
			return false, err
		}
		for _, c := range all {
			if !c.holds(m) {
				return false, nil
			}
		}
		return true, nil
	}, nil
}

// joint is what stands between two conditions: AND, or only the parentheses.
var joint = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\)\s*(?:AND\s*)?\(|\s+AND\s+`) })

func terms(text string) []string {
	var out []string
	for _, t := range joint().Split(text, -1) {
		out = append(out, strings.Trim(t, " ()"))
	}
	return out
}

func parseCondition(text string) (condition, error) {
	m := conditionForm().FindStringSubmatch(text)
	if m == nil || strings.Contains(text, " OR ") {
		return condition{}, fmt.Errorf("%q is no condition", text)
	}
	c := condition{op: strings.TrimSpace(m[2]), want: unquote(m[3])}
	field, key, labelled := strings.Cut(m[1], ".")
	c.path = []string{field}
	switch {
	case !labelled:
	case field == "labels":
		c.path = append(c.path, unquote(key)) // a label's key may hold dots
	default:
		c.path = append(c.path, strings.Split(key, ".")...)
	}
	if c.op == "eq" || c.op == "ne" {
		var err error
		if c.full, err = regexp.Compile("^(?:" + c.want + ")$"); err != nil {
			return condition{}, err
		}
	}
	return c, nil
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

func (c condition) holds(m map[string]any) bool {
	var v any = m
	for _, name := range c.path {
		inner, _ := v.(map[string]any)
		v = inner[name]
	}
	if v == nil {
		return c.op == "!=" || c.op == "ne"
	}
	have := fmt.Sprint(v)
	switch c.op {
	case "=":
		return c.same(have)
	case "!=":
		return !c.same(have)
	case ":":
		return c.want == "*" || strings.Contains(have, c.want)
	case "eq":
		return c.full.MatchString(have)
	default:
		return !c.full.MatchString(have)
	}
}

// same compares as = does: without case, and * at the end stands for anything.
func (c condition) same(have string) bool {
	if prefix, ok := strings.CutSuffix(c.want, "*"); ok {
		return len(have) >= len(prefix) && strings.EqualFold(have[:len(prefix)], prefix)
	}
	return strings.EqualFold(have, c.want)
}
