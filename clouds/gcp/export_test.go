package gcp

// At points a Cloud at another address than Google's, which it never is but in
// a test, and makes it less patient.
func (c *Cloud) At(address string) *Cloud {
	c.at(address)
	return c
}
