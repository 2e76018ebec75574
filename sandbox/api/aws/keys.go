package aws

import (
	"context"
	"crypto/md5" //nolint:gosec // the fingerprint that AWS shows for RSA keys
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"skysail/sandbox/world"
)

func findKey(st *world.State, region, name string) *world.Key {
	for _, k := range st.KeysOf(provider) {
		if k.Region == region && (k.Name == name || k.ID == name) {
			return k
		}
	}
	return nil
}

func (s *server) importKeyPair(_ context.Context, c *call) (x, error) {
	name := c.params.get("KeyName")
	if name == "" {
		return nil, missing("KeyName")
	}
	raw, err := base64.StdEncoding.DecodeString(c.params.get("PublicKeyMaterial"))
	pub, _, _, _, err2 := ssh.ParseAuthorizedKey(raw)
	if err != nil || err2 != nil || (pub.Type() != ssh.KeyAlgoRSA && pub.Type() != ssh.KeyAlgoED25519) {
		return nil, badRequest("InvalidKey.Format", "Key is not in valid OpenSSH public key format")
	}
	var made *world.Key
	err = s.World.Update(func(st *world.State) error {
		if findKey(st, c.region, name) != nil {
			return badRequest("InvalidKeyPair.Duplicate", "The keypair already exists")
		}
		made = &world.Key{
			Provider: provider, ID: newID("key"), Seq: st.NextSeq(), Name: name, Region: c.region, PublicKey: strings.TrimSpace(string(raw)),
			Fingerprint: fingerprint(pub), CreatedAt: s.World.Now(), Detail: tagDetail(c.params.tagsFor("key-pair")),
		}
		st.Keys = append(st.Keys, made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return x{"keyName", made.Name, "keyFingerprint", made.Fingerprint, "keyPairId", made.ID, "tagSet", tagSet(tagsIn(made.Detail))}, nil
}

// fingerprint is what AWS shows: the MD5 of the DER of an RSA key, the SHA-256
// of an Ed25519 key, see
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/verify-keys.html
func fingerprint(pub ssh.PublicKey) string {
	if crypto, ok := pub.(ssh.CryptoPublicKey); ok {
		if k, ok := crypto.CryptoPublicKey().(*rsa.PublicKey); ok {
			if der, err := x509.MarshalPKIXPublicKey(k); err == nil {
				return strings.ReplaceAll(fmt.Sprintf("% x", md5.Sum(der)), " ", ":") //nolint:gosec // see the import
			}
		}
	}
	return strings.TrimPrefix(ssh.FingerprintSHA256(pub), "SHA256:") + "="
}

func (s *server) describeKeyPairs(_ context.Context, c *call) (x, error) {
	st := s.World.State()
	names, ids, f := c.params.list("KeyName"), c.params.list("KeyPairId"), c.params.filters()
	for _, n := range names {
		if findKey(st, c.region, n) == nil {
			return nil, badRequest("InvalidKeyPair.NotFound", "The key pair '%s' does not exist", n)
		}
	}
	for _, id := range ids {
		if findKey(st, c.region, id) == nil {
			return nil, badRequest("InvalidKeyPair.NotFound", "The key pair ID '%s' does not exist", id)
		}
	}
	out := xs{}
	for _, k := range st.KeysOf(provider) {
		if k.Region != c.region || (len(names)+len(ids) > 0 && !slices.Contains(names, k.Name) && !slices.Contains(ids, k.ID)) {
			continue
		}
		tags := tagsIn(k.Detail)
		have := map[string][]string{"key-name": {k.Name}, "key-pair-id": {k.ID}, "fingerprint": {k.Fingerprint}}
		keep, err := f.match(withTags(have, tags))
		if err != nil {
			return nil, err
		}
		if !keep {
			continue
		}
		v := x{
			"keyPairId", k.ID, "keyName", k.Name, "keyFingerprint", k.Fingerprint, "keyType", keyType(k.PublicKey),
			"createTime", date(k.CreatedAt), "tagSet", tagSet(tags),
		}
		if c.params.bool("IncludePublicKey") {
			v = append(v, "publicKey", k.PublicKey)
		}
		out = append(out, v)
	}
	return x{"keySet", out}, nil
}

func keyType(public string) string {
	if strings.HasPrefix(public, ssh.KeyAlgoRSA) {
		return "rsa"
	}
	return "ed25519"
}

// deleteKeyPair succeeds for a key that is not there, as EC2 does.
func (s *server) deleteKeyPair(_ context.Context, c *call) (x, error) {
	ref := c.params.get("KeyName")
	if ref == "" {
		ref = c.params.get("KeyPairId")
	}
	if ref == "" {
		return nil, missing("KeyName")
	}
	v := x{"return", true}
	err := s.World.Update(func(st *world.State) error {
		if k := findKey(st, c.region, ref); k != nil {
			st.RemoveKey(provider, k.ID)
			v = append(v, "keyPairId", k.ID)
		}
		return nil
	})
	return v, err
}
