package duration

import (
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "7d": 168 * time.Hour, "1d12h": 36 * time.Hour,
		"0s": 0, "-1h": -time.Hour, "1.5h": 90 * time.Minute, "99999d": TooLong,
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "7", "7 d", "1d-1h", "1d+1h", "1.5d", "-7d", "1w", "1h1d", "\n1h", "1h\n"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", text, got)
		}
	}
}

func TestText(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"30d": 30 * Day, "36h": 36 * time.Hour, "5m": 5 * time.Minute, "90m": 90 * time.Minute, "0s": 0, "61s": 61 * time.Second,
	} {
		if got := Text(d); got != want {
			t.Errorf("Text(%s) = %s, want %s", d, got, want)
		}
	}
}
