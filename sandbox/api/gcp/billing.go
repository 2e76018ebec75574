package gcp

import "net/http"

func (s *server) listServices(http.ResponseWriter, *http.Request) (any, error) { return nil, nil }
func (s *server) listSKUs(http.ResponseWriter, *http.Request) (any, error)     { return nil, nil }
func (s *server) listTimeSeries(http.ResponseWriter, *http.Request) (any, error) {
	return nil, nil
}
