package alertrules

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"skysail/internal/duration"
	"skysail/qos/alert"
	"skysail/qos/objective"
)

type inhibitRule struct {
	Source []string `yaml:"source_matchers"`
	Target []string `yaml:"target_matchers"`
	Equal  []string `yaml:"equal"`
}

const inhibitHeader = `# Written by skysail monitor rules, for the configuration of Alertmanager: while a
# fast burn rate of an objective fires nobody is told of its slower ones. In the
# route of these alerts
#   group_by: [alertname, deployment, objective, severity]
# makes one page of two burn rates, also when the faster one ends first.
`

// Inhibit is the part of a configuration of Alertmanager that keeps slower burn
// rates of an objective quiet while a faster one fires.
func Inhibit() ([]byte, error) {
	burns := objective.Burns(30 * duration.Day) // the rates are the same for all windows
	rates := make([]string, len(burns))
	for i, b := range burns {
		rates[i] = strconv.FormatFloat(b.Factor, 'g', -1, 64)
	}
	name := fmt.Sprintf("alertname=%q", alert.BudgetBurn.Name)
	var rules []inhibitRule
	for i := range len(rates) - 1 {
		rules = append(rules, inhibitRule{
			Source: []string{name, fmt.Sprintf("burn_rate=%q", rates[i])},
			Target: []string{name, fmt.Sprintf("burn_rate=~%q", strings.ReplaceAll(strings.Join(rates[i+1:], "|"), ".", `\.`))},
			Equal:  []string{"deployment", "objective", "sandbox"},
		})
	}
	b := bytes.NewBufferString(inhibitHeader)
	enc := yaml.NewEncoder(b)
	enc.SetIndent(2)
	if err := enc.Encode(map[string]any{"inhibit_rules": rules}); err != nil {
		return nil, err
	}
	return b.Bytes(), enc.Close()
}
