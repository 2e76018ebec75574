package httpprobe

import (
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"
)

// phaseNames in the order in which they happen.
var phaseNames = [5]string{"resolve", "connect", "tls", "processing", "transfer"}

// phases notes when things happened. The hooks run on the transport's
// goroutines, which may outlive the request.
type phases struct {
	mu                 sync.Mutex
	dialStart, dialEnd time.Time
	dnsStart, dnsEnd   time.Time
	tlsStart, tlsEnd   time.Time
	gotConn, firstByte time.Time
}

func (p *phases) note(at *time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*at = time.Now()
}

// dialing and dialed bracket the whole dial: a target's own dial function has
// none of httptrace's connect hooks.
func (p *phases) dialing() { p.note(&p.dialStart) }
func (p *phases) dialed()  { p.note(&p.dialEnd) }

func (p *phases) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:             func(httptrace.DNSStartInfo) { p.note(&p.dnsStart) },
		DNSDone:              func(httptrace.DNSDoneInfo) { p.note(&p.dnsEnd) },
		TLSHandshakeStart:    func() { p.note(&p.tlsStart) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { p.note(&p.tlsEnd) },
		GotConn:              func(httptrace.GotConnInfo) { p.note(&p.gotConn) },
		GotFirstResponseByte: func() { p.note(&p.firstByte) },
	}
}

// times returns how long each phase took. One that was not reached took no
// time, and the one that was cut off took until end.
func (p *phases) times(end time.Time) [5]time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	span := func(from, to time.Time) time.Duration {
		if from.IsZero() {
			return 0
		}
		if to.IsZero() {
			to = end
		}
		return max(to.Sub(from), 0)
	}
	resolve := span(p.dnsStart, p.dnsEnd)
	return [5]time.Duration{
		resolve,
		max(span(p.dialStart, p.dialEnd)-resolve, 0),
		span(p.tlsStart, p.tlsEnd),
		span(p.gotConn, p.firstByte),
		span(p.firstByte, end),
	}
}
