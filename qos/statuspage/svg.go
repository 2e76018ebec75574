package statuspage

import (
	"math"
	"strconv"
	"strings"
)

// stripHeight is that of the availability strip's view box; its width is ten a
// bucket. The height of a bar tells the state as its colour does.
const stripHeight = 100

// heights of bars by state; unknown is a mark in the middle of nothing.
var heights = map[State]int{Up: 100, Degraded: 66, Down: 33}

// track is the part of a strip behind the bars that are not full, so that a
// short time of trouble is seen.
const track State = "track"

// stripPaths returns an SVG path of all bars of each state, and the track.
func stripPaths(checks *[buckets]tally) map[State]string {
	var up, degraded, down, unknown, behind strings.Builder
	into := map[State]*strings.Builder{Up: &up, Degraded: &degraded, Down: &down, Unknown: &unknown, track: &behind}
	for i := range checks {
		state := checks[i].state()
		b, x := into[state], strconv.Itoa(10*i+1)
		if state == Unknown {
			b.WriteString("M" + x + " 46h8v8h-8z")
			continue
		}
		if state != Up {
			behind.WriteString("M" + x + " 0h8v100h-8z")
		}
		h := strconv.Itoa(heights[state])
		b.WriteString("M" + x + " " + strconv.Itoa(stripHeight-heights[state]) + "h8v" + h + "h-8z")
	}
	out := map[State]string{}
	for s, b := range into {
		out[s] = b.String()
	}
	return out
}

// chartHeight is that of a chart's view box; its width is one a step.
const chartHeight = 100

// linePath draws values up to top; where nothing was read the line is broken,
// and a single value is a dot.
func linePath(l line, top float64) (lines, dots string) {
	var b, alone strings.Builder
	before := math.NaN()
	for i, v := range l {
		joined := !math.IsNaN(before)
		if before = v; math.IsNaN(v) {
			continue
		}
		x, y := coordinate(float64(i)+0.5), coordinate(height(v, top))
		if joined {
			b.WriteString("L" + x + " " + y)
			continue
		}
		if i == len(l)-1 || math.IsNaN(l[i+1]) {
			alone.WriteString("M" + x + " " + y + "h0")
			continue
		}
		b.WriteString("M" + x + " " + y)
	}
	return b.String(), alone.String()
}

// bandPath is the area between the least and the greatest values.
func bandPath(low, high line, top float64) string {
	var b strings.Builder
	for i := 0; i < len(low); {
		if math.IsNaN(low[i]) || math.IsNaN(high[i]) {
			i++
			continue
		}
		end := i
		for end < len(low) && !math.IsNaN(low[end]) && !math.IsNaN(high[end]) {
			end++
		}
		// Each step is as wide as it is long, so that one alone is seen too.
		b.WriteString("M" + coordinate(float64(i)) + " " + coordinate(height(high[i], top)))
		for k := i; k < end; k++ {
			b.WriteString("V" + coordinate(height(high[k], top)) + "H" + coordinate(float64(k+1)))
		}
		for k := end - 1; k >= i; k-- {
			b.WriteString("V" + coordinate(height(low[k], top)) + "H" + coordinate(float64(k)))
		}
		b.WriteString("z")
		i = end
	}
	return b.String()
}

func height(v, top float64) float64 {
	if top <= 0 {
		return chartHeight
	}
	return chartHeight * (1 - min(max(v/top, 0), 1))
}

func coordinate(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// roundSize is roundTop for bytes, of which a person has 1024 in the next unit.
func roundSize(v float64) float64 {
	unit := 1.0
	for v/unit >= 1000 {
		unit *= 1024
	}
	return unit * roundTop(v/unit)
}

// roundTop is the least of 1, 2 and 5 times a power of ten that is not less
// than v.
func roundTop(v float64) float64 {
	if v <= 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return 1
	}
	base := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if v <= m*base*(1+1e-9) {
			return m * base
		}
	}
	return 10 * base
}
