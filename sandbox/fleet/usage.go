package fleet

import "skysail/sandbox/api"

// Usage returns what a server's machine was seen to use, oldest first.
func (f *Fleet) Usage(provider, id string) []api.Usage { return nil }
