// Package scrape reads the metrics that a service tells of itself, in
// Prometheus's text format or OpenMetrics, within bounds: what a service says
// is not trusted.
package scrape

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// The bounds of one reading.
const (
	// MaxBody is how much is read of a body, after decompression.
	MaxBody = 10 << 20
	// maxLines bounds what the parser has in memory: a line of a few bytes
	// becomes a few hundred.
	maxLines = 100_000

	maxHeader     = 64 << 10
	maxName       = 128
	maxLabelName  = 128
	maxLabelValue = 1024
	maxLabels     = 30
	maxHelp       = 512
)

// accept prefers the text format, which every client has and which is parsed
// in one pass. Of OpenMetrics exemplars are not taken in.
const accept = "text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"

// Options say what to read.
type Options struct {
	Host string // host:port
	Path string // with its query
	// Dial reaches the host; nil is net.Dialer's.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Allow are the names of metrics to take in, where * stands for any text;
	// none is all.
	Allow []string
	// Limit is how many series are taken in.
	Limit int
	// Reserved reports names that are not the service's to tell.
	Reserved func(name string) bool
}

// Result is what was read.
type Result struct {
	// Families are by name and have what is in the bounds, without timestamps
	// and exemplars.
	Families []*dto.MetricFamily
	// Series is how many there are in them, as a series of Prometheus is
	// counted: a histogram is several.
	Series int
	// Dropped are series that were left out, by the reason.
	Dropped map[string]int
}

// The causes of a reading that did not come about. All but the first may pass
// by themselves.
var (
	// ErrFormat is an answer that is no exposition of metrics.
	ErrFormat = errors.New("the answer is no exposition of metrics")
	// ErrTooLarge is an answer beyond the bounds.
	ErrTooLarge = errors.New("the answer is too large")
	// ErrStatus is an answer other than 200.
	ErrStatus = errors.New("the service did not answer 200")
)

// Scrape asks once. It honours ctx, which should have a deadline, changes
// nothing and may be called again at any time.
func Scrape(ctx context.Context, o Options) (Result, error) {
	body, kind, err := get(ctx, o)
	if err != nil {
		return Result{}, err
	}
	if kind, err = format(kind); err != nil {
		return Result{}, err
	}
	if bytes.Count(body, []byte("\n")) > maxLines {
		return Result{}, fmt.Errorf("%w: it has more than %d lines", ErrTooLarge, maxLines)
	}
	if kind == openMetrics {
		if body, err = toText(body); err != nil {
			return Result{}, fmt.Errorf("%w: %w", ErrFormat, err)
		}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return bound(families, o), nil
}

func get(ctx context.Context, o Options) (body []byte, kind string, err error) {
	transport := &http.Transport{DialContext: o.Dial, DisableKeepAlives: true, MaxResponseHeaderBytes: maxHeader, ResponseHeaderTimeout: time.Minute}
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport: transport,
		// Elsewhere may be anything, and is not what the service file says.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	target, err := url.Parse("http://" + o.Host + o.Path)
	if err != nil {
		return nil, "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("User-Agent", "skysail")
	res, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the address is in the words of who calls
		}
		return nil, "", cause(ctx, err)
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	switch {
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return nil, "", fmt.Errorf("%w: it redirects (%d) to %.200q, which is not followed: set path to where the metrics are", ErrStatus, res.StatusCode, res.Header.Get("Location"))
	case res.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("%w but %d", ErrStatus, res.StatusCode)
	}
	body, err = io.ReadAll(io.LimitReader(res.Body, MaxBody+1))
	if err != nil {
		return nil, "", cause(ctx, err)
	}
	if len(body) > MaxBody {
		return nil, "", fmt.Errorf("%w: it has more than %d MiB", ErrTooLarge, MaxBody>>20)
	}
	return body, res.Header.Get("Content-Type"), nil
}

func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("it did not answer in time: %w", context.Cause(ctx))
	}
	return err
}

const openMetrics = "application/openmetrics-text"

// format is the media type, or an error for one that is not read.
func format(contentType string) (string, error) {
	kind, params, err := mime.ParseMediaType(cmp.Or(contentType, "text/plain"))
	switch {
	case err != nil:
	case kind == openMetrics && slices.Contains([]string{"", "0.0.1", "1.0.0"}, params["version"]),
		kind == "text/plain" && slices.Contains([]string{"", "0.0.4", "1.0.0"}, params["version"]):
		return kind, nil
	}
	return "", fmt.Errorf("%w: its Content-Type is %.100q, not text/plain;version=0.0.4 or OpenMetrics", ErrFormat, contentType)
}
