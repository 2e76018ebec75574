package remotewrite

import (
	"maps"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"skysail/qos"
)

// message is prometheus.WriteRequest, encoded as it is made. The protocol's 1.0
// is what every receiver takes; its fields are those of
// https://prometheus.io/docs/specs/prw/remote_write_spec/#protocol.
type message struct {
	data    []byte
	samples int
}

// Size and MarshalToSizedBuffer are what the client library asks of a message.
func (m *message) Size() int { return len(m.data) }

// MarshalToSizedBuffer writes the message to b, which has its size.
func (m *message) MarshalToSizedBuffer(b []byte) (int, error) { return copy(b, m.data), nil }

// add appends a sample as a series of its own.
func (m *message) add(s qos.Sample, t *qos.Target, scratch []byte) []byte {
	if t == nil {
		t = &qos.Target{}
	}
	labels := t.Labels(s)
	labels["__name__"] = s.Name
	series := scratch[:0]
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		value := strings.ToValidUTF8(labels[name], "\ufffd")
		if value == "" {
			continue // a label without a value is none
		}
		size := protowire.SizeTag(1) + protowire.SizeBytes(len(name)) + protowire.SizeTag(2) + protowire.SizeBytes(len(value))
		series = protowire.AppendTag(series, 1, protowire.BytesType)
		series = protowire.AppendVarint(series, uint64(size)) //nolint:gosec // a length
		series = protowire.AppendString(protowire.AppendTag(series, 1, protowire.BytesType), name)
		series = protowire.AppendString(protowire.AppendTag(series, 2, protowire.BytesType), value)
	}
	at := s.ObservedAt
	if at.IsZero() {
		at = s.CollectedAt
	}
	millis := uint64(at.UnixMilli())
	size := protowire.SizeTag(1) + protowire.SizeFixed64() + protowire.SizeTag(2) + protowire.SizeVarint(millis)
	series = protowire.AppendTag(series, 2, protowire.BytesType)
	series = protowire.AppendVarint(series, uint64(size)) //nolint:gosec // a length
	series = protowire.AppendFixed64(protowire.AppendTag(series, 1, protowire.Fixed64Type), math.Float64bits(s.Value))
	series = protowire.AppendVarint(protowire.AppendTag(series, 2, protowire.VarintType), millis)
	m.data = protowire.AppendBytes(protowire.AppendTag(m.data, 1, protowire.BytesType), series)
	m.samples++
	return series
}
