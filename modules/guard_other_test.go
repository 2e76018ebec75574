//go:build !linux

package modules_test

// guardHelper has no work where there is no nftables; see guard_linux_test.go.
func guardHelper() {}
