package kube

import (
	"fmt"

	"k8s.io/apimachinery/pkg/labels"
)

// selector reads a label selector as the API does.
func selector(text string) (func(map[string]string) bool, error) {
	s, err := labels.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("label selector: %w", err)
	}
	return func(l map[string]string) bool { return s.Matches(labels.Set(l)) }, nil
}
