package hclfile

import (
	"slices"
	"strings"
)

// Suggest returns the one of the allowed words that was most likely meant by
// what was written, or "" when none is near.
func Suggest(written string, allowed []string) string {
	// A hostile file may hold a word of a megabyte; no real name is near it.
	if len(written) > 64 {
		return ""
	}
	w := fold(written)
	if w == "" {
		return ""
	}
	best, bestDistance := "", 4
	switch {
	case len(w) <= 3:
		bestDistance = 2
	case len(w) <= 7:
		bestDistance = 3
	}
	for _, a := range allowed {
		f := fold(a)
		d := distance(w, f)
		// "memory" for "memory_gb": one is how the other begins.
		if len(w) >= 3 && (strings.HasPrefix(f, w) || strings.HasPrefix(w, f) && len(f) >= 3) {
			d = min(d, 1)
		}
		if d < bestDistance {
			best, bestDistance = a, d
		}
	}
	return best
}

var separators = strings.NewReplacer("_", "", "-", "")

func fold(s string) string { return separators.Replace(strings.ToLower(s)) }

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}

// DidYouMean is the hint for an unknown word: the nearest allowed one, or the
// whole list.
func DidYouMean(written string, allowed []string) string {
	if s := Suggest(written, allowed); s != "" {
		return `did you mean "` + s + `"?`
	}
	return "allowed: " + Join(distinct(allowed), "or")
}

func distinct(words []string) []string {
	var out []string
	for _, w := range words {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// Join writes words as a list for people: "a", "b" or "c".
func Join(words []string, last string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = `"` + w + `"`
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " " + last + " " + quoted[len(quoted)-1]
}
