package aws

// Quick makes a Cloud less patient, for tests from outside.
func (c *Cloud) Quick() *Cloud { return quick(c) }
