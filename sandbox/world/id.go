package world

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// NextSeq returns the next number of the creation order.
func (st *State) NextSeq() int64 {
	st.Seq++
	return st.Seq
}

// NextNumericID returns a new ID of the kind that is a number.
func (st *State) NextNumericID() (string, int64) {
	seq := st.NextSeq()
	return numericID(seq), seq
}

func numericID(seq int64) string { return strconv.FormatInt(seq, 10) }

// firstSeq starts the numbers of a new world somewhere in the range that the
// clouds use now, so that IDs of two worlds are not taken for one another.
func firstSeq() int64 {
	n, err := rand.Int(rand.Reader, big.NewInt(90_000_000))
	if err != nil {
		return 500_000_000
	}
	return 500_000_000 + n.Int64()
}

// NewUUID returns a random UUID.
func NewUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, by its documentation
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// AWSKeyID is the name in State.Tokens of the access key's ID, which is no
// secret; the secret access key is under AWS.
const AWSKeyID = "aws_access_key_id"

// fillTokens makes the credentials that are missing.
func (st *State) fillTokens() {
	for _, p := range append(Providers(), AWSKeyID) {
		if st.Tokens[p] == "" {
			st.Tokens[p] = newToken(p)
		}
	}
}

// newToken makes a credential in the form the provider gives them, so that
// clients that check the form accept it.
func newToken(provider string) string {
	switch provider {
	case DigitalOcean:
		return "dop_v1_" + randomHex(32)
	case AWSKeyID:
		return "AKIA" + strings.ToUpper(randomHex(8))
	case AWS:
		return randomHex(20)
	case GCP:
		return "ya29." + randomHex(40)
	}
	return strings.ToUpper(randomHex(18))
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, by its documentation
	return hex.EncodeToString(b)
}

// NextAddress returns a loopback address that no server has.
func (st *State) NextAddress() (string, error) {
	const size = 256 * 254
	for range size {
		st.Address = st.Address%size + 1
		n := st.Address - 1
		ip := fmt.Sprintf("127.77.%d.%d", n/254, n%254+1)
		if st.ServerByAddress(ip) == nil {
			return ip, nil
		}
	}
	return "", fmt.Errorf("all %d addresses of 127.77.0.0/16 are in use", size)
}
