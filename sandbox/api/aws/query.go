package aws

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// params are the parameters of a call in the query protocol: lists are
// numbered from 1, parts of structures follow a dot.
type params url.Values

func (p params) get(name string) string { return url.Values(p).Get(name) }

func (p params) has(name string) bool { return url.Values(p).Has(name) }

func (p params) int(name string) int {
	n, _ := strconv.Atoi(p.get(name))
	return n
}

func (p params) bool(name string) bool { return p.get(name) == "true" }

// orBool is a bool that has another value than false when it is left out.
func (p params) orBool(name string, fallback bool) bool {
	if !p.has(name) {
		return fallback
	}
	return p.bool(name)
}

// list reads NAME.1, NAME.2 and so on.
func (p params) list(name string) []string {
	var out []string
	for i := 1; p.has(name + "." + strconv.Itoa(i)); i++ {
		out = append(out, p.get(name+"."+strconv.Itoa(i)))
	}
	return out
}

// structs reads NAME.1.…, NAME.2.… and so on.
func (p params) structs(name string) []params {
	var out []params
	for i := 1; ; i++ {
		one := p.sub(name + "." + strconv.Itoa(i))
		if len(one) == 0 {
			return out
		}
		out = append(out, one)
	}
}

// sub is what begins with NAME and a dot, without that.
func (p params) sub(name string) params {
	out := params{}
	for k, v := range p {
		if rest, ok := strings.CutPrefix(k, name+"."); ok {
			out[rest] = v
		}
	}
	return out
}

// filters keep what has one of the values for each name.
type filters map[string][]string

func (p params) filters() filters {
	out := filters{}
	for _, f := range p.structs("Filter") {
		out[f.get("Name")] = append(out[f.get("Name")], f.list("Value")...)
	}
	return out
}

// match compares a thing's values with the filters. A filter that the
// sandbox does not know is refused: ignoring it would list too much.
func (f filters) match(have map[string][]string) (bool, error) {
	for name, wanted := range f {
		values, ok := have[name]
		if !ok && !strings.HasPrefix(name, "tag:") {
			return false, invalidValue("The filter '%s' is invalid, or the skysail sandbox does not have it", name)
		}
		if !slices.ContainsFunc(wanted, func(w string) bool {
			return slices.ContainsFunc(values, func(v string) bool { return glob(w, v) })
		}) {
			return false, nil
		}
	}
	return true, nil
}

// glob matches a filter's value, in which * and ? stand for any characters.
func glob(pattern, s string) bool {
	if !strings.ContainsAny(pattern, "*?") {
		return pattern == s
	}
	switch {
	case pattern == "":
		return s == ""
	case pattern[0] == '*':
		for i := range len(s) + 1 {
			if glob(pattern[1:], s[i:]) {
				return true
			}
		}
		return false
	case s == "":
		return false
	case pattern[0] == '?' || pattern[0] == s[0]:
		return glob(pattern[1:], s[1:])
	}
	return false
}

// page cuts one page out of a list: at most limit items, or most when the
// call does not say. The token is the place of the next.
func page[L ~[]T, T any](all L, limit, most int, token string) (L, string, *apiError) {
	from := 0
	if token != "" {
		raw, err := base64.StdEncoding.DecodeString(token)
		if err == nil {
			from, err = strconv.Atoi(string(raw))
		}
		if err != nil || from < 0 || from > len(all) {
			return nil, "", invalidValue("Unable to parse pagination token")
		}
	}
	to := min(len(all), from+min(cmp.Or(limit, most), most))
	if to == len(all) {
		return all[from:], "", nil
	}
	return all[from:to], base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(to))), nil
}
