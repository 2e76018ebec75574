package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"

	"skysail/cmd/internal/live"
	"skysail/deploy"
)

// progress shows what happens: on a terminal as lines under which a live view
// stands, in a pipe as plain lines, both on standard error; with -o jsonl as
// events on standard output; with -o json not at all.
type progress struct {
	w        io.Writer
	events   *eventStream
	quiet    bool
	terminal bool
	many     bool // of several deployments

	mu    sync.Mutex
	view  *tea.Program
	board *live.Board
	ended chan struct{}
}

func (a *app) newProgress() *progress {
	p := a.progressOf(false)
	p.start()
	return p
}

// progressOf makes the progress of one deployment or of many, not yet shown.
func (a *app) progressOf(many bool) *progress {
	return &progress{
		w: a.io.Err, events: a.events, quiet: a.output == "json", terminal: isTerminal(a.io.Err),
		many: many, board: live.New(many),
	}
}

// start shows the live view; after stop it may be called again.
func (p *progress) start() {
	if p.quiet || !p.terminal {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.view != nil {
		return
	}
	p.board.Doing("starting", time.Now())
	// Without input the terminal stays as it is: Ctrl-C is a signal.
	p.view = tea.NewProgram(screen{p: p}, tea.WithInput(nil), tea.WithOutput(p.w), tea.WithoutSignalHandler(), tea.WithFPS(20))
	p.ended = make(chan struct{})
	go func(view *tea.Program, ended chan struct{}) {
		defer close(ended)
		_, _ = view.Run() // a terminal that shows nothing does not stop the work
	}(p.view, p.ended)
}

// stop removes the live view and waits until the terminal is clean.
func (p *progress) stop() {
	p.mu.Lock()
	view, ended := p.view, p.ended
	p.view = nil
	p.mu.Unlock()
	if view == nil {
		return
	}
	view.Send(clear{})
	<-ended
}

// line prints one line that stays.
func (p *progress) line(text string) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	view := p.view
	p.mu.Unlock()
	if view == nil {
		_, _ = fmt.Fprintln(p.w, text)
		return
	}
	view.Println(text)
}

func (p *progress) event(ev deploy.Event) {
	if p.events != nil {
		p.events.event(ev)
	}
	if p.quiet {
		return
	}
	p.mu.Lock()
	p.board.Event(ev)
	p.mu.Unlock()
	if p.stays(ev) {
		mark, text := p.text(ev)
		p.line(p.fit(mark, text))
	}
}

// fit breaks a line between words on a terminal. In a pipe an event is a line.
func (p *progress) fit(mark, text string) string {
	f, ok := p.w.(*os.File)
	if !p.terminal || !ok {
		return mark + text
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 20 {
		return mark + text
	}
	var b strings.Builder
	for _, line := range strings.Split(text, "\n") {
		wrap(&b, mark, line, width)
		mark = "  "
	}
	return strings.TrimRight(b.String(), "\n")
}

// stays says whether an event becomes a line. What the live view shows need
// not be one as well.
func (p *progress) stays(ev deploy.Event) bool {
	switch ev.Kind {
	case deploy.EventInterrupt: // said when the signal came
		return false
	case deploy.EventQueued, deploy.EventBegun:
		return false
	case deploy.EventEnded:
		return true
	case deploy.EventWarning:
		return true
	case deploy.EventResource:
		return !p.terminal && ev.State != deploy.ResourceBegun && ev.State != deploy.ResourceFailed
	case deploy.EventStep:
		return !p.terminal
	default:
		return !p.terminal || !p.many
	}
}

// text is an event as a line: its mark, and the rest.
func (p *progress) text(ev deploy.Event) (mark, text string) {
	text = ev.Text
	if ev.Provider != "" {
		text = fmt.Sprintf("%-24s %s", strings.TrimSpace(ev.Provider+" "+ev.Region), ev.Text)
	}
	if p.many {
		text = fmt.Sprintf("%-12s %s", ev.Name, text)
	}
	mark = eventMark(ev.Kind)
	if ev.Kind == deploy.EventEnded && ev.Class != "" {
		mark = eventMark(deploy.EventFault)
	}
	return mark, text
}

// screen is the live view.
type screen struct {
	p       *progress
	width   int
	height  int
	cleared bool
}

type (
	tick  struct{}
	clear struct{}
)

func ticking() tea.Cmd {
	return tea.Tick(200*time.Millisecond, func(time.Time) tea.Msg { return tick{} })
}

// Init begins to look at the clock.
func (s screen) Init() tea.Cmd { return ticking() }

// Update follows the clock and the size of the terminal.
func (s screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch m := msg.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = m.Width, m.Height
	case tick:
		return s, ticking()
	case clear:
		s.cleared = true
		return s, tea.Quit
	}
	return s, nil
}

// View draws the board, and nothing at the end.
func (s screen) View() tea.View {
	if s.cleared {
		return tea.NewView("")
	}
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	return tea.NewView(s.p.board.Picture(s.width, s.height, time.Now()))
}

func eventMark(k deploy.EventKind) string {
	switch k {
	case deploy.EventAttempt:
		return "→ "
	case deploy.EventFault:
		return "✗ "
	case deploy.EventCleaned, deploy.EventReady, deploy.EventEnded:
		return "✓ "
	case deploy.EventSkip:
		return "- "
	case deploy.EventWarning:
		return "! "
	default:
		return "  "
	}
}
