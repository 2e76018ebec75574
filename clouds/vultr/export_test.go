package vultr

import "time"

// At points a Cloud at another address than Vultr's, which it never is but in
// a test, and makes it less patient.
func (c *Cloud) At(api string) *Cloud {
	c.api, c.pause = api, time.Millisecond
	return c
}
