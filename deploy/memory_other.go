//go:build !linux

package deploy

// availableMemory is not known here; processors alone bound what is done at once.
func availableMemory() uint64 { return 0 }
