package statuspage

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"skysail/qos"
)

// maxWords bounds what a source says of itself on a page.
const maxWords = 300

// words makes a short text of what a source or a provider said.
func words(s string) string {
	s = qos.Printable(strings.Join(strings.Fields(s), " "))
	if len(s) <= maxWords {
		return s
	}
	cut := maxWords
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// share is a part of a whole in percent. It is never rounded up to all.
func share(part, whole float64) string {
	if whole <= 0 {
		return "–"
	}
	p := math.Floor(part/whole*1e4+1e-7) / 100
	return strconv.FormatFloat(p, 'f', -1, 64) + " %"
}

func percent(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }

func seconds(v float64) string {
	switch {
	case v == 0:
		return "0 ms"
	case v < 0.01:
		return fmt.Sprintf("%.1f ms", 1000*v)
	case v < 1:
		return fmt.Sprintf("%.0f ms", 1000*v)
	}
	return fmt.Sprintf("%.3g s", v)
}

func cores(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) + " cores" }

func size(v float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	return strconv.FormatFloat(v, 'f', min(i, 1), 64) + " " + units[i]
}

// ago is an age in its two largest units.
func ago(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return strings.TrimSuffix(fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60), " 0 min")
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// instant is a moment for a <time> element.
type instant struct{ time.Time }

// Machine is its datetime attribute.
func (i instant) Machine() string { return i.UTC().Format(time.RFC3339) }

// Clock is the time of day.
func (i instant) Clock() string { return i.UTC().Format("15:04:05") }

// Minute is the time of day without seconds.
func (i instant) Minute() string { return i.UTC().Format("15:04") }

// Day is date and time.
func (i instant) Day() string { return i.UTC().Format("2006-01-02 15:04") }
