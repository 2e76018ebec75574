package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"skysail/deploy"
)

// progress shows what happens on standard error: on a terminal as lines under
// which one line moves, in a pipe as plain lines, with -o json not at all.
type progress struct {
	w        io.Writer
	quiet    bool
	terminal bool

	mu    sync.Mutex
	pool  *mpb.Progress
	bar   *mpb.Bar
	doing string
	since time.Time
}

func (a *app) newProgress() *progress {
	p := &progress{w: a.io.Err, quiet: a.output == "json", terminal: isTerminal(a.io.Err)}
	p.start()
	return p
}

// start shows the moving line; after stop it may be called again.
func (p *progress) start() {
	if p.quiet || !p.terminal {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pool != nil {
		return
	}
	p.doing, p.since = "starting", time.Now()
	p.pool = mpb.New(mpb.WithOutput(p.w), mpb.WithRefreshRate(120*time.Millisecond))
	p.bar = p.pool.New(0, mpb.SpinnerStyle().PositionLeft(), mpb.BarWidth(1), mpb.BarRemoveOnComplete(),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			p.mu.Lock()
			defer p.mu.Unlock()
			return fmt.Sprintf(" %s  %s", p.doing, time.Since(p.since).Round(time.Second))
		})))
}

// stop removes the moving line and waits until the terminal is clean.
func (p *progress) stop() {
	p.mu.Lock()
	pool, bar := p.pool, p.bar
	p.pool, p.bar = nil, nil
	p.mu.Unlock()
	if pool == nil {
		return
	}
	bar.Abort(true)
	pool.Wait()
}

// line prints one line that stays.
func (p *progress) line(text string) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	pool := p.pool
	p.mu.Unlock()
	if pool == nil {
		_, _ = fmt.Fprintln(p.w, text)
		return
	}
	_, _ = fmt.Fprintln(pool, text)
}

func (p *progress) event(ev deploy.Event) {
	text := ev.Text
	if ev.Provider != "" {
		text = fmt.Sprintf("%-24s %s", strings.TrimSpace(ev.Provider+" "+ev.Region), ev.Text)
	}
	if ev.Kind == deploy.EventStep || ev.Kind == deploy.EventAttempt {
		p.mu.Lock()
		p.doing, p.since = strings.TrimSpace(ev.Provider+" "+ev.Region)+" "+ev.Text, time.Now()
		p.mu.Unlock()
		if p.terminal && ev.Kind == deploy.EventStep {
			return
		}
	}
	if ev.Kind == deploy.EventInterrupt {
		return // said when the signal came
	}
	p.line(eventMark(ev.Kind) + text)
}

func eventMark(k deploy.EventKind) string {
	switch k {
	case deploy.EventAttempt:
		return "→ "
	case deploy.EventFault:
		return "✗ "
	case deploy.EventCleaned, deploy.EventReady:
		return "✓ "
	case deploy.EventSkip:
		return "- "
	case deploy.EventWarning:
		return "! "
	default:
		return "  "
	}
}
