package aws

import (
	"math"
	"net/http"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// cborForm is the Smithy RPC v2 CBOR protocol, which CloudWatch's SDK speaks:
// https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
type cborForm struct{}

func (cborForm) answer(w http.ResponseWriter, _ *call, body any) {
	writeCBOR(w, http.StatusOK, body.(cbor.Map))
}

func (cborForm) refuse(w http.ResponseWriter, _ *call, e *apiError) {
	fault := "Sender"
	if e.status >= http.StatusInternalServerError {
		fault = "Receiver"
	}
	// The code of the older query protocol, which clients still report.
	w.Header().Set("X-Amzn-Query-Error", e.code+";"+fault)
	writeCBOR(w, e.status, cbor.Map{"__type": cbor.String(e.code), "message": cbor.String(e.message)})
}

func writeCBOR(w http.ResponseWriter, status int, body cbor.Map) {
	w.Header().Set("Content-Type", "application/cbor")
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	w.WriteHeader(status)
	_, _ = w.Write(cbor.Encode(body)) // the client is gone, then
}

// The readers give the zero value for what is left out or of another type.

func cborMap(v cbor.Value) cbor.Map {
	m, _ := v.(cbor.Map)
	return m
}

func cborList(v cbor.Value) cbor.List {
	l, _ := v.(cbor.List)
	return l
}

func cborString(v cbor.Value) string {
	s, _ := v.(cbor.String)
	return string(s)
}

func cborNumber(v cbor.Value) float64 {
	switch n := v.(type) {
	case cbor.Uint:
		return float64(n)
	case cbor.NegInt:
		return -float64(n)
	case cbor.Float32:
		return float64(n)
	case cbor.Float64:
		return float64(n)
	}
	return 0
}

// cborTime reads a time, which is tag 1: seconds since 1970.
func cborTime(v cbor.Value) time.Time {
	tag, ok := v.(*cbor.Tag)
	if !ok || tag.ID != 1 {
		return time.Time{}
	}
	sec, frac := math.Modf(cborNumber(tag.Value))
	return time.Unix(int64(sec), int64(frac*1e9))
}

func cborOfTime(t time.Time) cbor.Value {
	return &cbor.Tag{ID: 1, Value: cbor.Float64(float64(t.UnixMilli()) / 1000)}
}
