package logline

import "strings"

// Levels are the names of syslog's priorities, as `skysail logs --level` takes
// them, with the other names that programs have for them.
var levels = map[string]int{
	"emerg": 0, "emergency": 0, "panic": 0,
	"alert": 1,
	"crit":  2, "critical": 2, "fatal": 2, "dpanic": 2,
	"err": 3, "error": 3, "eror": 3, "severe": 3,
	"warn": 4, "warning": 4, "wrn": 4,
	"notice": 5,
	"info":   6, "information": 6, "inf": 6,
	"debug": 7, "dbg": 7, "trace": 7, "fine": 7,
}

// Unknown is the level of a line that does not tell.
const Unknown = -1

// ParseLevel returns syslog's number of a level, 0 to 7, by name or number, in
// either case; false for what is none.
func ParseLevel(name string) (int, bool) {
	if len(name) == 1 && name[0] >= '0' && name[0] <= '7' {
		return int(name[0] - '0'), true
	}
	n, ok := levels[strings.ToLower(name)]
	return n, ok
}

// levelFields are where structured lines have their level.
var levelFields = []string{"level", "severity", "lvl", "log.level", "levelname"}

// Level returns the level that a line itself tells: a field of JSON or logfmt,
// or a word of its first ones such as ERROR, [warn] or E1130 of klog. Unknown
// where there is none.
func Level(message string) int {
	if len(message) > 16<<10 {
		message = message[:16<<10]
	}
	if f, ok := JSON(message); ok {
		return fieldLevel(f)
	}
	if f, ok := Logfmt(message); ok {
		if n := fieldLevel(f); n != Unknown {
			return n
		}
	}
	return wordLevel(message)
}

func fieldLevel(f Fields) int {
	for _, name := range levelFields {
		v, ok := f.Get(name)
		if !ok {
			continue
		}
		if n, known := ParseLevel(v); known && len(v) > 1 {
			return n
		}
		// pino and bunyan count in tens: https://getpino.io/#/docs/api?id=loggerlevels-object
		switch v {
		case "10", "20":
			return 7
		case "30":
			return 6
		case "40":
			return 4
		case "50":
			return 3
		case "60":
			return 2
		}
	}
	return Unknown
}

// klog writes the level as the first letter of a date:
// https://github.com/kubernetes/klog (header format Lmmdd).
var klogLevels = map[byte]int{'I': 6, 'W': 4, 'E': 3, 'F': 2}

func wordLevel(message string) int {
	if len(message) > 5 && message[5] == ' ' {
		if n, ok := klogLevels[message[0]]; ok && strings.Trim(message[1:5], "0123456789") == "" {
			return n
		}
	}
	words := 0
	for w := range strings.FieldsSeq(message) {
		if words++; words > 6 {
			break
		}
		bare := strings.Trim(w, "[]()<>|:,-")
		// A plain word in lower case is part of a sentence.
		if bare == w && bare != strings.ToUpper(bare) {
			continue
		}
		if n, ok := levels[strings.ToLower(bare)]; ok && len(bare) > 2 {
			return n
		}
	}
	return Unknown
}
