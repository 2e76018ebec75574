package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"skysail/generator"
	"skysail/guardrails"
	"skysail/internal/failure"
	"skysail/policies"
)

func newPolicy(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Try the rules that guard deployments",
		Long: `Guardrails are rules in Rego, as conftest has them, that each plan must pass
before it is applied. The built-in ones always hold; a policy adds its own with
guardrails { rego = ["./rego"] }.`,
		Example: `  skysail policy test ./rego
  skysail policy test ./rego --plan plan.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPolicyTest(a))
	return cmd
}

// policyTest are the flags of policy test.
type policyTest struct {
	plan, policy, data, version string
	builtin, failOnWarn         bool
}

func newPolicyTest(a *app) *cobra.Command {
	var f policyTest
	cmd := &cobra.Command{
		Use:   "test [DIR|FILE...]",
		Short: "Run the tests of rules, and the rules on a plan",
		Long: `Reads the rules (*.rego) of each DIR or FILE and runs their tests, which are the
rules named test_…. With --plan it also evaluates the rules, and the built-in
ones, on the output of "terraform show -json PLAN". With --policy the policy's
own rules and limits are taken. What rules see as data.skysail is read from the
plan and the policy; --data FILE adds to it (docs/guardrails.md).

Exits with 1 when a test fails or the plan is denied. Changes nothing.`,
		Example: `  skysail policy test ./rego
  skysail policy test --builtin
  skysail policy test ./rego --plan plan.json --policy policy.hcl -o json`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, a, args) },
	}
	cmd.Flags().StringVar(&f.plan, "plan", "", "evaluate the rules on this plan, in JSON")
	cmd.Flags().StringVar(&f.policy, "policy", "", "take rules and limits of this policy file")
	cmd.Flags().StringVarP(&f.data, "data", "d", "", "a JSON file that is added to data.skysail")
	cmd.Flags().StringVar(&f.version, "rego-version", "", "language of the rules: v0 or v1 (default v1, or the policy's)")
	cmd.Flags().BoolVar(&f.builtin, "builtin", false, "run the tests of the built-in rules, too")
	cmd.Flags().BoolVar(&f.failOnWarn, "fail-on-warn", false, "take each warning for a denial")
	return cmd
}

func (f *policyTest) run(cmd *cobra.Command, a *app, args []string) error {
	if len(args) == 0 && f.plan == "" && f.policy == "" && !f.builtin {
		return failure.New(failure.Input, "nothing to test", "Neither rules nor a plan are given.", "Give a folder of rules, --plan, --policy or --builtin.")
	}
	policy := policies.Default()
	if f.policy != "" {
		var err error
		if policy, err = policies.Load(f.policy); err != nil {
			return err
		}
	}
	rules, err := f.rules(&policy, args)
	if err != nil {
		return err
	}
	tests, err := guardrails.Test(cmd.Context(), rules)
	if err != nil {
		return err
	}
	if f.builtin {
		ours, err := guardrails.TestBuiltin(cmd.Context())
		if err != nil {
			return err
		}
		tests = append(tests, ours...)
	}
	var verdict *guardrails.Verdict
	if f.plan != "" {
		if verdict, err = f.evaluate(cmd, rules, &policy); err != nil {
			return err
		}
	}
	return a.printPolicyTest(tests, verdict)
}

// rules are the policy's, and those that are named.
func (f *policyTest) rules(policy *policies.Policy, args []string) (policies.Guardrails, error) {
	g := policy.Guardrails
	g.WarnAsDeny = g.WarnAsDeny || f.failOnWarn
	if f.version != "" {
		g.RegoVersion = f.version
	}
	for _, path := range args {
		files, err := policies.ReadRego(".", path, true)
		if err != nil {
			return g, failure.Wrap(err, failure.Input, path, "Its rules can not be read.", "Give a file of Rego, or a folder with such files.")
		}
		g.Rego = append(g.Rego, files...)
	}
	return g, nil
}

func (f *policyTest) evaluate(cmd *cobra.Command, rules policies.Guardrails, policy *policies.Policy) (*guardrails.Verdict, error) {
	plan, err := os.ReadFile(f.plan)
	if err != nil {
		return nil, failure.Wrap(err, failure.Input, "--plan", "", "Give a file that `terraform show -json PLAN` wrote.")
	}
	facts := guardrails.FactsOfPlan(plan)
	facts.Limits, facts.Providers = guardrails.LimitsOf(policy), generator.Pins()
	if f.data != "" {
		data, err := os.ReadFile(f.data)
		if err == nil {
			dec := json.NewDecoder(bytes.NewReader(data))
			dec.DisallowUnknownFields()
			err = dec.Decode(&facts)
		}
		if err != nil {
			return nil, failure.Wrap(err, failure.Input, "--data "+f.data, "It is no JSON object of what data.skysail holds.", "docs/guardrails.md lists that.")
		}
	}
	v, err := guardrails.Evaluate(cmd.Context(), guardrails.Input{Plan: plan, Facts: facts, Rules: rules})
	return &v, err
}

func (a *app) printPolicyTest(tests []guardrails.TestResult, v *guardrails.Verdict) error {
	failed := 0
	for _, t := range tests {
		if !t.Passed && !t.Skipped {
			failed++
		}
	}
	if a.output == "json" {
		fields := map[string]any{"tests": tests, "failed": failed}
		if v != nil {
			fields["verdict"] = v
		}
		if err := a.printJSON(fields); err != nil {
			return err
		}
	} else {
		a.printTests(tests, failed)
		a.printVerdict(v)
	}
	switch {
	case failed > 0:
		return failure.New(failure.Failed, fmt.Sprintf("%d of %d tests failed", failed, len(tests)), "", "")
	case v != nil && v.Denied():
		return failure.New(failure.Failed, fmt.Sprintf("the plan is denied for %d reason(s)", len(v.Deny)), "skysail would not apply it.", "")
	}
	return nil
}

func (a *app) printTests(tests []guardrails.TestResult, failed int) {
	skipped := 0
	for _, t := range tests {
		word := "ok"
		switch {
		case t.Skipped:
			word = "skipped"
			skipped++
		case !t.Passed:
			word = "FAIL"
		}
		a.printf("%-7s %s (%s:%d)\n", word, t.Name, filepath.ToSlash(t.File), t.Line)
		if t.Cause != "" {
			a.printf("        %s\n", t.Cause)
		}
		for _, line := range t.Printed {
			a.printf("        printed: %s\n", line)
		}
	}
	a.printf("%d tests, %d passed, %d failed, %d skipped\n", len(tests), len(tests)-failed-skipped, failed, skipped)
}

func (a *app) printVerdict(v *guardrails.Verdict) {
	if v == nil {
		return
	}
	for _, line := range v.Printed {
		a.printf("printed %s\n", line)
	}
	for _, r := range v.Exceptions {
		a.printf("except  %s\n", r)
	}
	for _, r := range v.WarnTexts() {
		a.printf("warn    %s\n", strings.ReplaceAll(r, "\n", "\n        "))
	}
	for _, r := range v.DenyTexts() {
		a.printf("deny    %s\n", strings.ReplaceAll(r, "\n", "\n        "))
	}
	a.printf("plan: %d denied, %d warnings, %d exceptions\n", len(v.Deny), len(v.Warn), len(v.Exceptions))
}
