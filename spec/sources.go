package spec

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"

	"skysail/internal/hclfile"
	"skysail/internal/lazyregexp"
)

var (
	sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)
	// sha256Line is what sha256sum prints.
	sha256Line = regexp.MustCompile(`^\\?[0-9a-fA-F]{64} [ *]`)
	// urlText are the characters of RFC 3986.
	urlText    = lazyregexp.New(`^[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+$`)
	urlScheme  = lazyregexp.New(`^[A-Za-z][A-Za-z0-9+.-]*:`)
	urlLogin   = lazyregexp.New(`^[A-Za-z][A-Za-z0-9+.-]*:/*[^/]*@`)
	binaryPath = lazyregexp.New(`^[A-Za-z0-9._+@][A-Za-z0-9._+@/-]*$`)
)

const maxURL = 2048

func (s Source) mistakes() []mistake {
	switch {
	case s.Container == nil && s.Native == nil:
		return []mistake{{
			Path:    "source",
			Summary: "No source",
			Detail:  "The service does not say what to run.",
			Hint:    "write source { container { image = … } }, or native { … } in its place, each block on lines of its own",
		}}
	case s.Container != nil && s.Native != nil:
		return append(append([]mistake{{
			Path:    "source.native",
			Summary: "Two sources",
			Detail:  "A service is either a container or a native program, and this one is both.",
			Hint:    "keep one of the two blocks",
		}}, s.Container.mistakes()...), s.Native.mistakes()...)
	case s.Container != nil:
		return s.Container.mistakes()
	default:
		return s.Native.mistakes()
	}
}

func (n *Native) mistakes() []mistake {
	var out []mistake
	if m, ok := urlMistake(n.URL); ok {
		out = append(out, m)
	}
	if !sha256Hex.MatchString(n.SHA256) {
		m := mistake{
			Path:    "source.native.sha256",
			Summary: "Invalid sha256",
			Detail:  fmt.Sprintf("A SHA-256 digest is 64 hexadecimal digits, and this has %d characters.", len(n.SHA256)),
			Hint:    "`sha256sum ARCHIVE` prints it",
		}
		switch {
		case sha256Line.MatchString(n.SHA256):
			m.Detail = "This is a whole line as sha256sum prints it, with the name of the file."
			m.Hint = "keep the first 64 characters only: sha256sum ARCHIVE | cut -c1-64"
		case len(n.SHA256) == 64:
			m.Detail = "A SHA-256 digest is 64 hexadecimal digits, and this has other characters."
		}
		out = append(out, m)
	}
	if m, ok := binaryMistake(n.Binary); ok {
		out = append(out, m)
	}
	for i, a := range n.Args {
		if strings.IndexFunc(a, unicode.IsControl) >= 0 {
			out = append(out, mistake{
				Path:    fmt.Sprintf("source.native.args[%d]", i),
				Summary: "Invalid argument",
				Detail:  "The argument has a line break or another control character, which a systemd unit cannot hold.",
				Hint:    "put such text in a file of the archive",
			})
		}
	}
	return out
}

func binaryMistake(binary string) (mistake, bool) {
	m := mistake{Path: "source.native.binary", Summary: "Invalid path of the binary", Value: binary}
	clean := path.Clean(binary)
	switch {
	case strings.HasPrefix(binary, "/"):
		m.Detail = "{value} is absolute, but the binary is inside the archive."
		m.Hint = "give its path in the archive, as `tar tzf ARCHIVE` prints it"
	case clean == ".." || strings.HasPrefix(clean, "../") || strings.Contains("/"+binary+"/", "/../"):
		m.Detail = "{value} leads out of the archive."
		m.Hint = "give the path of the executable inside the archive"
	case !binaryPath.MatchString(binary) && !strings.HasPrefix(binary, "./"), len(binary) > 255:
		m.Detail = "{value} is no path that works in a systemd unit: it has letters, digits and . _ + @ / -, and does not begin with a dash."
		m.Hint = `for example "hello" or "bin/hello"`
	case clean != binary || clean == ".":
		m.Detail = "{value} is not written in the shortest way."
		m.Hint = "write it without ./, // and a slash at the end"
		m.Guess = fmt.Sprintf("did you mean %s?", hclfile.Quote(clean))
		if clean == "." {
			m.Detail, m.Guess = "{value} is a folder.", ""
			m.Hint = "give the path of the executable inside the archive"
		}
	default:
		return m, false
	}
	return m, true
}

func urlMistake(raw string) (mistake, bool) {
	m := mistake{Path: "source.native.url", Summary: "Invalid url", Value: raw}
	allowed := "give an https, http or file address, or the path of the archive relative to this file"
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		m.Detail, m.Hint = "The url is empty.", allowed
	case len(raw) > maxURL:
		m.Detail = fmt.Sprintf("The url is longer than %d characters.", maxURL)
	case urlLogin.MatchString(raw):
		m.Detail = "The url has a user or password in it, which would end in plans, state and logs."
		m.Hint = "serve the archive where no password is needed; its sha256 guards it"
		m.Confidential = true
	case !urlText.MatchString(raw) || err != nil:
		m.Detail = "{value} is no URL: it has characters that a URL cannot have."
		m.Hint = "write a space as %20; " + allowed
	case u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "file":
		m.Detail = "{value} is no https, http or file address."
		m.Hint = allowed
	case u.Scheme == "file" && (u.Host != "" || !strings.HasPrefix(u.Path, "/")):
		m.Detail = "{value} names no absolute path of this machine."
		m.Hint = "a file address has three slashes, file:///…; a relative path has no file: before it"
	case u.Scheme != "file" && u.Hostname() == "":
		m.Detail = "{value} names no host."
		m.Hint = "for example https://example.com/echo.tar.gz"
	case u.Fragment != "" || strings.Contains(raw, "#"):
		m.Detail = "{value} has a fragment (#…), which no server sees."
		m.Hint = "leave it out"
	default:
		return m, false
	}
	return m, true
}

// absoluteURL resolves a path against the service file's folder; what has a
// scheme stays as it is.
func absoluteURL(dir, raw string) string {
	if raw == "" || strings.IndexFunc(raw, unicode.IsControl) >= 0 {
		return raw
	}
	if urlScheme.MatchString(raw) || strings.HasPrefix(raw, "//") {
		return raw
	}
	if !filepath.IsAbs(raw) {
		raw = filepath.Join(dir, raw)
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(raw)}
	return u.String()
}

// lowerHex accepts digests in capitals, as some tools print them.
func lowerHex(s string) string {
	if l := strings.ToLower(s); sha256Hex.MatchString(l) {
		return l
	}
	return s
}
