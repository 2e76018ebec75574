package statuspage

import (
	"net/http"
	"strconv"
	"strings"
)

// policy lets a page load its own stylesheet, script and icon, and nothing
// else; no other page may frame it.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves / and /deployments/NAME, and the files of the pages below
// /assets/, to GET and HEAD.
func (s *Site) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, "") })
	mux.HandleFunc("GET /deployments/{name}", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, r.PathValue("name")) })
	mux.HandleFunc("GET /assets/", serveAsset)
	return headers(mux)
}

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

func (s *Site) serve(w http.ResponseWriter, r *http.Request, name string) {
	p, err := s.page(r.Context(), name)
	if err != nil {
		http.Error(w, "The status can not be told now, as the store did not answer: "+words(err.Error()), http.StatusServiceUnavailable)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Accept-Encoding")
	body := p.body
	if takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = p.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if !p.found {
		w.WriteHeader(http.StatusNotFound)
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

func takesGzip(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name != "gzip" {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(q), "q="), 64)
		return err != nil || v > 0
	}
	return false
}

func serveAsset(w http.ResponseWriter, r *http.Request) {
	a, ok := assets().byPath[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body)
	}
}
