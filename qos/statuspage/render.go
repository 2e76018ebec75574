package statuspage

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"sync"
	"time"
)

//go:embed templates/*.html assets/*
var files embed.FS

// asset is a file that never changes under its address.
type asset struct {
	body []byte
	kind string
}

// assets are by the address they are served at, which has their hash in it.
var assets = sync.OnceValue(func() (out struct {
	byPath map[string]asset
	paths  map[string]string
},
) {
	out.byPath, out.paths = map[string]asset{}, map[string]string{}
	for _, f := range []struct{ name, ext, kind string }{
		{"status", "css", "text/css; charset=utf-8"},
		{"status", "js", "text/javascript; charset=utf-8"},
		{"icon", "svg", "image/svg+xml"},
	} {
		body, err := files.ReadFile("assets/" + f.name + "." + f.ext)
		if err != nil {
			panic(err) // it is embedded
		}
		sum := sha256.Sum256(body)
		path := "/assets/" + f.name + "." + hex.EncodeToString(sum[:6]) + "." + f.ext
		out.byPath[path], out.paths[f.ext] = asset{body, f.kind}, path
	}
	return out
})

var pages = sync.OnceValue(func() *template.Template {
	all := template.New("").Funcs(functions).Funcs(template.FuncMap{"asset": func(kind string) string { return assets().paths[kind] }})
	return template.Must(all.ParseFS(files, "templates/*.html"))
})

// render makes a page.
func (s *Site) render(ctx context.Context, name string, now time.Time) (made, error) {
	all, err := s.views(ctx, now, name)
	if err != nil {
		return made{}, err
	}
	v := pageView{Title: "Status", Now: instant{now}, Banner: bannerOf(all), Deployments: all, Ticks: ticks(now)}
	if s.data.Ready != nil {
		if err := s.data.Ready(); err != nil {
			v.Problem = "What is shown may be out of date: " + words(err.Error())
		}
	}
	p := made{found: true}
	if name != "" {
		if p.found = len(all) == 1; p.found {
			v.Title, v.One = words(name)+" – status", all[0]
		} else {
			v.Title = "Not found – status"
		}
	}
	page := "overview.html"
	switch {
	case !p.found:
		page = "missing.html"
	case v.One != nil:
		page = "deployment.html"
	}
	var out, zipped bytes.Buffer
	if err := pages().ExecuteTemplate(&out, page, v); err != nil {
		return made{}, err
	}
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(out.Bytes()); err != nil {
		return made{}, err
	}
	if err := z.Close(); err != nil {
		return made{}, err
	}
	p.body, p.zipped = out.Bytes(), zipped.Bytes()
	return p, nil
}

// ticks are the times that stand below charts.
func ticks(now time.Time) []instant {
	w := windowAt(now)
	out := make([]instant, 4)
	for i := range out {
		out[i] = instant{w.from.Add(time.Duration(i) * span / 4)}
	}
	return out
}
