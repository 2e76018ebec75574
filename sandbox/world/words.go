package world

import (
	"fmt"
	"net/http"
	"unicode"
)

// Words are a refusal as somebody wants a simulated API to say it, in the form
// that the API has for refusals.
type Words struct {
	// Code is the provider's own: AWS's error code, Google's reason or its
	// operation's code. DigitalOcean and Vultr tell by the message.
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
	// Status is the HTTP status, 0 for the one that the API has for the code.
	Status int `json:"status,omitempty"`
}

// maxWords bounds a message; the longest that a cloud was seen to say has
// 1 KiB.
const maxWords = 8 << 10

func (w *Words) validate() error {
	switch {
	case w == nil:
		return nil
	case w.Message == "":
		return fmt.Errorf("a fault with words of its own needs a message")
	case len(w.Message) > maxWords:
		return fmt.Errorf("the message has %d bytes; at most %d are simulated", len(w.Message), maxWords)
	case w.Status != 0 && (w.Status < 400 || w.Status > 599):
		return fmt.Errorf("the status %d is no refusal; give one from 400 to 599", w.Status)
	}
	for _, r := range w.Code {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '.' && r != '_' && r != '-' {
			return fmt.Errorf("the code %q has the character %q, which no provider's code has", w.Code, r)
		}
	}
	return nil
}

func (w *Words) same(o *Words) bool {
	if w == nil || o == nil {
		return w == o
	}
	return w.Code == o.Code && w.Message == o.Message
}

// repeatable says that clients repeat on their own what was answered so. The
// codes are AWS's, whose SDK goes by them as well: see
// aws-sdk-go-v2 aws/retry/standard.go.
func (w *Words) repeatable() bool {
	switch w.Code {
	case "InsufficientInstanceCapacity", "InternalError", "Unavailable", "ServiceUnavailable",
		"RequestLimitExceeded", "Throttling", "ThrottlingException", "RequestThrottled":
		return true
	}
	return w.Status >= http.StatusInternalServerError || w.Status == http.StatusTooManyRequests
}
