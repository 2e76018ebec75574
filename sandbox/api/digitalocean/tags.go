package digitalocean

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"skysail/sandbox/world"
)

var tagName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9:_-]{1,255}$`) })

func checkTags(tags []string) error {
	for _, t := range tags {
		if !tagName().MatchString(t) {
			return unprocessable("Tag name %s is invalid. Tags may contain letters, numbers, colons, dashes, and underscores; there is a limit of 255 characters per tag.", t)
		}
	}
	return nil
}

func (s *server) tagView(r *http.Request, st *world.State, t *world.Tag) map[string]any {
	droplets := map[string]any{"count": 0}
	resources := map[string]any{
		"count": 0, "droplets": droplets,
		"images":           map[string]any{"count": 0},
		"volumes":          map[string]any{"count": 0},
		"volume_snapshots": map[string]any{"count": 0},
		"databases":        map[string]any{"count": 0},
	}
	count := 0
	for _, d := range st.ServersOf(provider) {
		if d.HasTag(t.Name) {
			count++
			droplets["last_tagged_uri"] = baseURL(r) + "/v2/droplets/" + d.ID
		}
	}
	volumes := 0
	for _, v := range st.DisksOf(provider) {
		if hasTag(v.Tags, t.Name) {
			volumes++
		}
	}
	resources["volumes"] = map[string]any{"count": volumes}
	droplets["count"], resources["count"] = count, count+volumes
	if uri := droplets["last_tagged_uri"]; uri != nil {
		resources["last_tagged_uri"] = uri
	}
	return map[string]any{"name": t.Name, "resources": resources}
}

func (s *server) listTags(_ http.ResponseWriter, r *http.Request) (reply, error) {
	st := s.World.State()
	out := []map[string]any{}
	for _, t := range st.Tags {
		if t.Provider == provider {
			out = append(out, s.tagView(r, st, t))
		}
	}
	return page(r, "tags", out)
}

func (s *server) createTag(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in struct {
		Name string `json:"name"`
	}
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	if err := checkTags([]string{in.Name}); err != nil {
		return reply{}, err
	}
	if err := s.World.Update(func(st *world.State) error {
		st.EnsureTag(provider, in.Name)
		return nil
	}); err != nil {
		return reply{}, err
	}
	st := s.World.State()
	return reply{http.StatusCreated, map[string]any{"tag": s.tagView(r, st, st.Tag(provider, in.Name))}}, nil
}

func (s *server) getTag(_ http.ResponseWriter, r *http.Request) (reply, error) {
	st := s.World.State()
	t := st.Tag(provider, r.PathValue("name"))
	if t == nil {
		return reply{}, errNotFound()
	}
	return reply{http.StatusOK, map[string]any{"tag": s.tagView(r, st, t)}}, nil
}

func (s *server) deleteTag(_ http.ResponseWriter, r *http.Request) (reply, error) {
	err := s.World.Update(func(st *world.State) error {
		name := r.PathValue("name")
		if st.Tag(provider, name) == nil {
			return errNotFound()
		}
		st.RemoveTag(provider, name)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

func (s *server) tagResources(w http.ResponseWriter, r *http.Request) (reply, error) {
	return s.changeTag(w, r, func(tags []string, tag string) []string {
		if hasTag(tags, tag) {
			return tags
		}
		return append(tags, tag)
	})
}

func (s *server) untagResources(w http.ResponseWriter, r *http.Request) (reply, error) {
	return s.changeTag(w, r, without)
}

func (s *server) changeTag(w http.ResponseWriter, r *http.Request, change func(tags []string, tag string) []string) (reply, error) {
	var in struct {
		Resources []struct {
			ID   string `json:"resource_id"`
			Type string `json:"resource_type"`
		} `json:"resources"`
	}
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	err := s.World.Update(func(st *world.State) error {
		tag := st.Tag(provider, r.PathValue("name"))
		if tag == nil {
			return errNotFound()
		}
		for _, res := range in.Resources {
			tags, err := tagsOf(st, res.Type, res.ID)
			if err != nil {
				return err
			}
			*tags = change(*tags, tag.Name)
		}
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

// tagsOf are the tags of something that can be tagged.
func tagsOf(st *world.State, kind, id string) (*[]string, error) {
	switch kind {
	case "droplet":
		if d := st.Server(provider, id); d != nil {
			return &d.Tags, nil
		}
	case "volume":
		if v := st.Disk(provider, id); v != nil {
			return &v.Tags, nil
		}
	default:
		return nil, unprocessable("the skysail sandbox has no resources of type %q to tag", kind)
	}
	return nil, errNotFound()
}

func hasTag(tags []string, tag string) bool {
	return slices.ContainsFunc(tags, func(t string) bool { return strings.EqualFold(t, tag) })
}
