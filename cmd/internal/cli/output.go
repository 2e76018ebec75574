package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"golang.org/x/term"
)

// printJSON writes one object; every object carries "version": 1.
func (a *app) printJSON(fields map[string]any) error {
	fields["version"] = 1
	if a.events != nil {
		a.events.result = fields
		return nil
	}
	enc := json.NewEncoder(a.io.Out)
	enc.SetIndent("", "  ")
	return enc.Encode(fields)
}

func (a *app) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(a.io.Out, format, args...)
}

// table writes rows in aligned columns.
func table(w io.Writer, head []string, rows [][]string) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, strings.Join(head, "\t"))
	for _, r := range rows {
		_, _ = fmt.Fprintln(tw, strings.Join(r, "\t"))
	}
	_ = tw.Flush()
}

const (
	minWidth     = 80
	maxWidth     = 120
	defaultWidth = 100
)

// width is how wide text for people may be: the terminal's width within
// bounds that are good to read.
func (a *app) width() int {
	f, ok := a.io.Out.(*os.File)
	if !ok || !isTerminal(f) {
		return defaultWidth
	}
	w, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return defaultWidth
	}
	return min(max(w, minWidth), maxWidth)
}

// wrap writes text after a head, and its further lines under its first word.
func wrap(w io.Writer, head, text string, width int) {
	line, indent := head, strings.Repeat(" ", utf8.RuneCountInString(head))
	for strings.HasPrefix(text, "\n") {
		text = text[1:]
		line = "\n" + line
	}
	begun := false
	for _, word := range strings.Fields(text) {
		if begun && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			_, _ = fmt.Fprintln(w, line)
			line, begun = indent, false
		}
		if begun {
			line += " "
		}
		line += word
		begun = true
	}
	_, _ = fmt.Fprintln(w, line)
}

// annotated writes a table whose rows have notes below them, indented and
// wrapped, so that a row stays one line on a narrow terminal.
func annotated(w io.Writer, head []string, rows, notes [][]string, width int) {
	var aligned strings.Builder
	table(&aligned, head, rows)
	lines := strings.Split(strings.TrimRight(aligned.String(), "\n"), "\n")
	for i, line := range lines {
		_, _ = fmt.Fprintln(w, strings.TrimRight(line, " "))
		if i == 0 || len(notes[i-1]) == 0 {
			continue
		}
		wrap(w, "     ", strings.Join(notes[i-1], "; "), width)
	}
}

func usd(f float64) string { return fmt.Sprintf("$%.4g", f) }
