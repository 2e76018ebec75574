// Package aws simulates the part of Amazon Web Services that servers need:
// EC2, STS, the public parameters of SSM, CloudWatch's metrics of instances
// and the price list. Answers and errors have the form and the words of the
// real APIs, so that the official SDKs and the Terraform provider work
// against it. One handler serves all of them, as one AWS_ENDPOINT_URL does;
// the signature of a call says which service and which region it is for.
package aws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

const provider = world.AWS

// Account is the simulated account's only ID, the one of Amazon's examples.
const Account = "123456789012"

type server struct {
	api.Config
	ec2    map[string]ec2Action
	graves graves
}

// New returns the APIs' handler.
func New(c api.Config) http.Handler {
	s := &server{Config: c}
	s.ec2 = s.ec2Actions()
	return s
}

// call is one request, told apart and authenticated.
type call struct {
	*http.Request
	scope
	params params // of a query-protocol service
	body   []byte
	id     string // the request's
}

// form is how a service writes its answers and errors.
type form interface {
	answer(w http.ResponseWriter, c *call, body any)
	refuse(w http.ResponseWriter, c *call, e *apiError)
}

// service is one of the APIs behind the handler.
type service struct {
	form   form
	handle func(s *server, ctx context.Context, c *call) (any, error)
	auth   authWords
}

// The services, by the name that signatures have for them.
var services = map[string]service{
	"ec2":        {ec2Form{}, (*server).serveEC2, ec2Auth},
	"sts":        {stsForm{}, (*server).serveSTS, queryAuth},
	"ssm":        {jsonForm{}, (*server).serveSSM, jsonAuth},
	"monitoring": {cborForm{}, (*server).serveCloudWatch, queryAuth},
	"pricing":    {jsonForm{}, (*server).servePricing, jsonAuth},

	"servicequotas": {jsonForm{}, (*server).serveQuotas, jsonAuth},
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{Request: r, id: world.NewUUID()}
	w.Header().Set("X-Amzn-Requestid", c.id)
	sc, err := readScope(r)
	svc, known := services[sc.service]
	if err != nil || !known {
		// As unsigned calls are answered; or a service that is not here.
		e := errUnsigned()
		if err == nil {
			e = unsimulated("the service " + sc.service)
		}
		ec2Form{}.refuse(w, c, e)
		return
	}
	c.scope = sc
	body, err := s.handle(w, c, svc)
	switch {
	case errors.Is(err, api.ErrHung):
		panic(http.ErrAbortHandler)
	case err != nil:
		svc.form.refuse(w, c, s.inWords(c, err))
	default:
		svc.form.answer(w, c, body)
	}
}

func (s *server) handle(w http.ResponseWriter, c *call, svc service) (any, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, c.Body, api.MaxBody))
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	c.body = raw
	if err := s.authenticate(c, svc.auth); err != nil {
		return nil, err
	}
	// net/http would have read the body, which is hashed as it came.
	form, err := url.ParseQuery(string(bytes.TrimSpace(raw)))
	if err == nil {
		for k, v := range c.URL.Query() {
			form[k] = append(form[k], v...)
		}
		c.params = params(form)
	}
	return svc.handle(s, c.Context(), c)
}

// inWords gives an error the words of AWS.
func (s *server) inWords(c *call, err error) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	if !errors.Is(err, api.ErrHalfMade) {
		s.Logger().Error("aws api", "service", c.service, "method", c.Method, "path", c.URL.Path, "err", err)
	}
	return &apiError{http.StatusInternalServerError, "InternalError", "An internal error has occurred"}
}
