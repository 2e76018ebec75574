package digitalocean

import (
	"net/http"
	"strconv"

	"golang.org/x/crypto/ssh"

	"skysail/sandbox/world"
)

func keyView(k *world.Key) map[string]any {
	return map[string]any{"id": numeric(k.ID), "fingerprint": k.Fingerprint, "public_key": k.PublicKey, "name": k.Name}
}

// numeric turns a numeric ID into the number that JSON has.
func numeric(id string) int64 {
	n, _ := strconv.ParseInt(id, 10, 64)
	return n
}

// findKey looks a key up by its ID or fingerprint.
func findKey(st *world.State, ref string) *world.Key {
	for _, k := range st.KeysOf(provider) {
		if k.ID == ref || k.Fingerprint == ref {
			return k
		}
	}
	return nil
}

func (s *server) listKeys(_ http.ResponseWriter, r *http.Request) (reply, error) {
	out := []map[string]any{}
	for _, k := range s.World.State().KeysOf(provider) {
		out = append(out, keyView(k))
	}
	return page(r, "ssh_keys", out)
}

func (s *server) getKey(_ http.ResponseWriter, r *http.Request) (reply, error) {
	k := findKey(s.World.State(), r.PathValue("id"))
	if k == nil {
		return reply{}, errNotFound()
	}
	return reply{http.StatusOK, map[string]any{"ssh_key": keyView(k)}}, nil
}

func (s *server) createKey(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in struct {
		Name      string `json:"name"`
		PublicKey string `json:"public_key"`
	}
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	if in.Name == "" {
		return reply{}, unprocessable("Name can't be blank")
	}
	pub, _, _, _, err := ssh.ParseAuthorizedKey([]byte(in.PublicKey))
	if err != nil {
		return reply{}, unprocessable("Key invalid, key should be of the format `type key [comment]`")
	}
	fingerprint := ssh.FingerprintLegacyMD5(pub)
	var made *world.Key
	err = s.World.Update(func(st *world.State) error {
		if findKey(st, fingerprint) != nil {
			return unprocessable("SSH Key is already in use on your account")
		}
		id, seq := st.NextNumericID()
		made = &world.Key{
			Provider: provider, ID: id, Seq: seq, Name: in.Name, PublicKey: in.PublicKey,
			Fingerprint: fingerprint, CreatedAt: s.World.Now(),
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
	var in struct {
		Name string `json:"name"`
	}
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	var key *world.Key
	err := s.World.Update(func(st *world.State) error {
		if key = findKey(st, r.PathValue("id")); key == nil {
			return errNotFound()
		}
		if in.Name != "" {
			key.Name = in.Name
		}
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, map[string]any{"ssh_key": keyView(key)}}, nil
}

func (s *server) deleteKey(_ http.ResponseWriter, r *http.Request) (reply, error) {
	err := s.World.Update(func(st *world.State) error {
		k := findKey(st, r.PathValue("id"))
		if k == nil {
			return errNotFound()
		}
		st.RemoveKey(provider, k.ID)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}
