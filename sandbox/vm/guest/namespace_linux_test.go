package guest

import (
	"net"
	"slices"
	"testing"
)

func TestParseListening(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0
   1: 0300004E:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0
   2: 0100007F:0050 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0
`
	got, err := parseListening([]byte(table), nil)
	if err != nil || !slices.Equal(got, []int{8080, 80}) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := parseListening([]byte(table), net.IPv4(127, 0, 0, 1)); err != nil || !slices.Equal(got, []int{8080}) {
		t.Errorf("at one address: %v, %v", got, err)
	}
	if _, err := parseListening([]byte("head\n 0: 0100007F:XYZ 0 0A\n"), nil); err == nil {
		t.Error("a damaged table was read")
	}
}
