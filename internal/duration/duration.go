// Package duration reads times as files and flags have them: Go's, with days.
package duration

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"skysail/internal/lazyregexp"
)

// Day is 24 hours, whatever clocks do in summer.
const Day = 24 * time.Hour

// TooLong is what Parse makes of anything longer: more than any file may say.
const TooLong = 2 * 3650 * Day

var days = lazyregexp.New(`^(\d{1,5})d(.*)$`)

var errDuration = errors.New("no duration")

// Parse reads a Go duration such as "1h30m", to which it adds whole days in
// front: "7d", "1d12h".
func Parse(s string) (time.Duration, error) {
	var whole time.Duration
	if m := days.FindStringSubmatch(s); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, errDuration
		}
		whole = min(time.Duration(n)*Day, TooLong)
		if s = m[2]; s == "" {
			return whole, nil
		}
		if s[0] == '-' || s[0] == '+' {
			return 0, errDuration
		}
	}
	rest, err := time.ParseDuration(s)
	if err != nil {
		return 0, errDuration
	}
	return whole + min(rest, TooLong), nil
}

// Text is a time as Prometheus writes one, in its largest whole unit of days,
// hours, minutes and seconds: 3d, 90m.
func Text(d time.Duration) string {
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{Day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= u.of && d%u.of == 0 {
			return fmt.Sprintf("%d%s", d/u.of, u.name)
		}
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
