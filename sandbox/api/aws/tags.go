package aws

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"skysail/sandbox/world"
)

// tag is one of a thing's tags, in the order they were set.
type tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// tagged is the part that the details of all things with tags share.
type tagged struct {
	Tags []tag `json:"tags,omitempty"`
}

func tagsIn(detail json.RawMessage) []tag {
	var d tagged
	_ = json.Unmarshal(detail, &d) // written by this package
	return d.Tags
}

func tagDetail(tags []tag) json.RawMessage {
	raw, _ := json.Marshal(tagged{tags}) // strings only: cannot fail
	return raw
}

// tagStrings are tags as the world lists them.
func tagStrings(tags []tag) []string {
	out := []string{}
	for _, t := range tags {
		out = append(out, t.Key+":"+t.Value)
	}
	return out
}

func tagSet(tags []tag) xs {
	out := xs{}
	for _, t := range tags {
		out = append(out, x{"key", t.Key, "value", text(t.Value)})
	}
	return out
}

func tagValue(tags []tag, key string) string {
	for _, t := range tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

// tagsFor are the tags that a create asks for on what it makes.
func (p params) tagsFor(kind string) []tag {
	var out []tag
	for _, spec := range p.structs("TagSpecification") {
		if spec.get("ResourceType") == kind {
			out = append(out, spec.tags()...)
		}
	}
	return out
}

func (p params) tags() []tag {
	var out []tag
	for _, t := range p.structs("Tag") {
		out = append(out, tag{t.get("Key"), t.get("Value")})
	}
	return out
}

// withTags adds to what filters see of a thing what they see of its tags.
func withTags(have map[string][]string, tags []tag) map[string][]string {
	have["tag-key"], have["tag-value"] = []string{}, []string{}
	for _, t := range tags {
		have["tag:"+t.Key] = []string{t.Value}
		have["tag-key"] = append(have["tag-key"], t.Key)
		have["tag-value"] = append(have["tag-value"], t.Value)
	}
	return have
}

// carrier is a thing that can have tags.
type carrier struct {
	id, kind string
	tags     []tag
	set      func([]tag)
}

// carriers lists a region's things that can have tags. Setting changes st.
func carriers(st *world.State, region string) []carrier {
	var out []carrier
	for _, s := range st.ServersOf(provider) {
		if s.Region == region {
			d := detailOf(s)
			out = append(out, carrier{s.ID, "instance", d.Tags, func(t []tag) { d.Tags = t; setDetail(s, d) }})
		}
	}
	for _, v := range st.DisksOf(provider) {
		if v.Region == region {
			d := volumeOf(v)
			out = append(out, carrier{v.ID, "volume", d.Tags, func(t []tag) { d.Tags = t; setVolume(v, d) }})
		}
	}
	for _, k := range st.KeysOf(provider) {
		if k.Region == region {
			out = append(out, carrier{k.ID, "key-pair", tagsIn(k.Detail), func(t []tag) { k.Detail = tagDetail(t) }})
		}
	}
	for _, f := range st.FirewallsOf(provider) {
		g := groupOf(f)
		if g.Region != region {
			continue
		}
		out = append(out, carrier{f.ID, "security-group", g.Tags, func(t []tag) { g := groupOf(f); g.Tags = t; setGroup(f, g) }})
		for i, r := range g.Rules {
			out = append(out, carrier{r.ID, "security-group-rule", r.Tags, func(t []tag) { g := groupOf(f); g.Rules[i].Tags = t; setGroup(f, g) }})
		}
	}
	return out
}

func (s *server) changeTags(c *call, change func(have []tag) []tag) (x, error) {
	err := s.World.Update(func(st *world.State) error {
		for _, id := range c.params.list("ResourceId") {
			all := carriers(st, c.region)
			i := slices.IndexFunc(all, func(one carrier) bool { return one.id == id })
			if i < 0 {
				return badRequest("InvalidID", "The ID '%s' is not valid", id)
			}
			tags := change(slices.Clone(all[i].tags))
			if len(tags) > 50 {
				return badRequest("TagLimitExceeded", "More than 50 tags")
			}
			all[i].set(tags)
		}
		resolveGroups(st)
		return nil
	})
	return x{"return", true}, err
}

func (s *server) createTags(_ context.Context, c *call) (x, error) {
	wanted := c.params.tags()
	for _, t := range wanted {
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return nil, invalidValue("Tag keys starting with 'aws:' are reserved for internal use")
		}
	}
	return s.changeTags(c, func(have []tag) []tag {
		for _, t := range wanted {
			have = append(slices.DeleteFunc(have, func(h tag) bool { return h.Key == t.Key }), t)
		}
		return have
	})
}

func (s *server) deleteTags(_ context.Context, c *call) (x, error) {
	wanted := c.params.structs("Tag")
	return s.changeTags(c, func(have []tag) []tag {
		return slices.DeleteFunc(have, func(h tag) bool {
			return len(wanted) == 0 || slices.ContainsFunc(wanted, func(w params) bool {
				return w.get("Key") == h.Key && (!w.has("Value") || w.get("Value") == h.Value)
			})
		})
	})
}

func (s *server) describeTags(_ context.Context, c *call) (x, error) {
	f, all := c.params.filters(), xs{}
	for _, one := range carriers(s.World.State(), c.region) {
		for _, t := range one.tags {
			keep, err := f.match(map[string][]string{
				"key": {t.Key}, "value": {t.Value}, "resource-id": {one.id}, "resource-type": {one.kind}, "tag:" + t.Key: {t.Value},
			})
			if err != nil {
				return nil, err
			}
			if keep {
				all = append(all, x{"resourceId", one.id, "resourceType", one.kind, "key", t.Key, "value", text(t.Value)})
			}
		}
	}
	out, next, apiErr := page(all, c.params.int("MaxResults"), 1000, c.params.get("NextToken"))
	if apiErr != nil {
		return nil, apiErr
	}
	return x{"tagSet", out, "nextToken", next}, nil
}

// date is how AWS writes times.
func date(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
