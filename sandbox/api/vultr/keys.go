package vultr

import (
	"net/http"

	"golang.org/x/crypto/ssh"

	"skysail/sandbox/world"
)

func keyView(k *world.Key) map[string]any {
	return map[string]any{"id": k.ID, "date_created": date(k.CreatedAt), "name": k.Name, "ssh_key": k.PublicKey}
}

func errKey() error { return notFound("Invalid ssh key ID") }

func (s *server) listKeys(_ http.ResponseWriter, r *http.Request) (reply, error) {
	var out []item
	for _, k := range s.World.State().KeysOf(provider) {
		out = append(out, item{k.Seq, keyView(k)})
	}
	return page(r, "ssh_keys", out)
}

func (s *server) getKey(_ http.ResponseWriter, r *http.Request) (reply, error) {
	k := s.World.State().AccountKey(provider, r.PathValue("id"))
	if k == nil {
		return reply{}, errKey()
	}
	return reply{http.StatusOK, map[string]any{"ssh_key": keyView(k)}}, nil
}

type keyRequest struct {
	Name   string `json:"name"`
	SSHKey string `json:"ssh_key"`
}

func checkKey(text string) error {
	if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text)); err != nil { //nolint:dogsled // the signature of the library
		return badRequest("Invalid SSH key")
	}
	return nil
}

func (s *server) createKey(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in keyRequest
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	if err := checkKey(in.SSHKey); err != nil {
		return reply{}, err
	}
	var made *world.Key
	err := s.World.Update(func(st *world.State) error {
		made = &world.Key{
			Provider: provider, ID: world.NewUUID(), Seq: st.NextSeq(),
			Name: in.Name, PublicKey: in.SSHKey, CreatedAt: s.World.Now(),
		}
		st.Keys = append(st.Keys, made)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusCreated, map[string]any{"ssh_key": keyView(made)}}, nil
}

func (s *server) updateKey(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in keyRequest
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	if in.SSHKey != "" {
		if err := checkKey(in.SSHKey); err != nil {
			return reply{}, err
		}
	}
	err := s.World.Update(func(st *world.State) error {
		k := st.AccountKey(provider, r.PathValue("id"))
		if k == nil {
			return errKey()
		}
		if in.Name != "" {
			k.Name = in.Name
		}
		if in.SSHKey != "" {
			k.PublicKey = in.SSHKey
		}
		return nil
	})
	return reply{status: http.StatusNoContent}, err
}

func (s *server) deleteKey(_ http.ResponseWriter, r *http.Request) (reply, error) {
	err := s.World.Update(func(st *world.State) error {
		id := r.PathValue("id")
		if st.AccountKey(provider, id) == nil {
			return errKey()
		}
		st.RemoveKey(provider, id)
		return nil
	})
	return reply{status: http.StatusNoContent}, err
}
