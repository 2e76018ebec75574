package guardrails

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/print"

	"skysail/internal/failure"
	"skysail/policies"
)

// Bounds of one evaluation.
const (
	timeLimit    = 5 * time.Second
	maxPlanBytes = 64 << 20
	maxResults   = 1000
	maxPrinted   = 1000
	maxText      = 4096 // bytes of one message
)

// Input is all that one evaluation depends on.
type Input struct {
	// Plan is the output of `terraform show -json` for a saved plan. Its
	// sensitive values are hidden from rules; see Redact.
	Plan  []byte
	Facts Facts
	// Rules are the user's; the built-in ones are always there.
	Rules policies.Guardrails
}

// Evaluate compiles the rules and evaluates them on a plan. A mistake in a
// rule is a failure with code Input; no verdict is given then, and nothing may
// be applied. It takes at most five seconds, less when ctx ends.
func Evaluate(ctx context.Context, in Input) (Verdict, error) {
	r, err := Compile(in.Rules)
	if err != nil {
		return Verdict{}, err
	}
	return r.Evaluate(ctx, in.Plan, in.Facts)
}

// Evaluate is the function of that name for rules that are compiled.
func (r *Rules) Evaluate(ctx context.Context, plan []byte, facts Facts) (Verdict, error) {
	data, err := facts.data()
	if err != nil {
		return Verdict{}, fmt.Errorf("facts: %w", err)
	}
	return r.evaluate(ctx, plan, data)
}

func (r *Rules) evaluate(ctx context.Context, plan []byte, data map[string]any) (Verdict, error) {
	input, err := planValue(plan)
	if err != nil {
		return Verdict{}, err
	}
	e := &evaluation{input: input, store: inmem.NewFromObject(data)}
	stop := e.bound(ctx)
	defer stop()
	v := Verdict{Deny: []Result{}, Warn: []Result{}}
	for _, set := range r.sets {
		if err := e.add(ctx, set, &v); err != nil {
			return Verdict{}, err
		}
	}
	v.Printed = e.printed
	if r.warnAsDeny {
		v.Deny, v.Warn = append(v.Deny, v.Warn...), []Result{}
	}
	v.sort()
	return v, nil
}

// planValue reads a plan for rules, without its sensitive values.
func planValue(plan []byte) (*ast.Term, error) {
	if len(plan) > maxPlanBytes {
		return nil, failure.New(failure.Input, fmt.Sprintf("the plan has %d bytes", len(plan)),
			fmt.Sprintf("Rules are evaluated on at most %d. Nothing was changed.", maxPlanBytes), "")
	}
	doc, err := redacted(plan)
	if err != nil {
		return nil, failure.Wrap(err, failure.Input, "the plan", "It is not what `terraform show -json` prints. Nothing was changed.", "")
	}
	v, err := ast.InterfaceToValue(doc)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return ast.NewTerm(v), nil
}

// evaluation is one evaluation of all rules.
type evaluation struct {
	input   *ast.Term
	store   storage.Store
	cancel  topdown.Cancel
	why     func() error // why it was cancelled
	printed []string
}

// Print takes what a rule prints.
func (e *evaluation) Print(at print.Context, text string) error {
	e.print(fmt.Sprintf("%v: %s", at.Location, text))
	return nil
}

func (e *evaluation) print(text string) {
	if len(e.printed) < maxPrinted && !slices.Contains(e.printed, clip(text)) {
		e.printed = append(e.printed, clip(text))
	}
}

// query evaluates one expression and returns its values, one for each way in
// which it holds; none when it is undefined.
//
// A function that fails, such as to_number("x"), makes its expression
// undefined in a user's rule, as in conftest, and is told with what was
// printed. In ours it is an error: nothing may pass because of it.
func (e *evaluation) query(ctx context.Context, s *ruleSet, ref string) ([]any, error) {
	c := s.compiler
	body, err := ast.ParseBody("x = " + ref)
	if err != nil {
		return nil, err
	}
	qc := c.QueryCompiler()
	if body, err = qc.Compile(body); err != nil {
		return nil, err
	}
	txn, err := e.store.NewTransaction(ctx)
	if err != nil {
		return nil, err
	}
	defer e.store.Abort(ctx, txn)
	q := topdown.NewQuery(body).WithCompiler(c).WithQueryCompiler(qc).WithStore(e.store).WithTransaction(txn).
		WithInput(e.input).WithCancel(e.cancel).WithPrintHook(e)
	var failed []topdown.Error
	if s.pkg == builtinPackage {
		q = q.WithStrictBuiltinErrors(true)
	} else {
		q = q.WithBuiltinErrorList(&failed)
	}
	var out []any
	err = q.Iter(ctx, func(qr topdown.QueryResult) error {
		v, err := ast.JSON(qr[ast.Var("x")].Value)
		if err != nil {
			return err
		}
		out = append(out, v)
		return nil
	})
	if err != nil && e.cancel.Cancelled() {
		return nil, e.why()
	}
	for i := range failed {
		e.print(failed[i].Error())
	}
	return out, err
}

// add evaluates a set's rules one after the other, each unless an exception
// names it.
func (e *evaluation) add(ctx context.Context, s *ruleSet, v *Verdict) error {
	excepted, err := e.exceptions(ctx, s)
	if err != nil {
		return err
	}
	for _, rule := range s.rules {
		if slices.Contains(excepted, suffix(rule)) {
			v.Exceptions = append(v.Exceptions, rule)
			continue
		}
		values, err := e.query(ctx, s, "data."+s.pkg+"."+rule)
		if err != nil {
			return runFailure(s, rule, err)
		}
		for _, value := range values {
			rs, err := results(rule, strings.Join(s.places[rule], ", "), value)
			if err != nil {
				return runFailure(s, rule, err)
			}
			if denies.MatchString(rule) {
				v.Deny = append(v.Deny, rs...)
			} else {
				v.Warn = append(v.Warn, rs...)
			}
		}
		if n := len(v.Deny) + len(v.Warn); n > maxResults {
			return runFailure(s, rule, fmt.Errorf("more than %d results", maxResults))
		}
	}
	return nil
}

// exceptions are the names that the user's exception rules give, without
// their deny_ or warn_; "" is the rule without a suffix.
func (e *evaluation) exceptions(ctx context.Context, s *ruleSet) ([]string, error) {
	if s.pkg != userPackage {
		return nil, nil
	}
	values, err := e.query(ctx, s, "data."+s.pkg+".exception[_][_]")
	if err != nil {
		return nil, runFailure(s, "exception", err)
	}
	var names []string
	for _, v := range values {
		if name, ok := v.(string); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// suffix is a rule's name for exceptions.
func suffix(rule string) string {
	_, after, _ := strings.Cut(rule, "_")
	return after
}

// results are what a rule's value tells, as conftest reads it: a set or list
// of strings, or of objects with msg; an empty message is none. What conftest
// would pass over in silence, such as `deny := true`, is a mistake here.
func results(rule, source string, value any) ([]Result, error) {
	if b, ok := value.(bool); ok && !b {
		return nil, nil
	}
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("its value is %T, not a set of messages: write `%s contains msg if { … }`", value, rule)
	}
	var out []Result
	for _, item := range list {
		r := Result{Rule: rule, Source: source}
		switch item := item.(type) {
		case string:
			r.Message = item
		case map[string]any:
			msg, ok := item["msg"].(string)
			if !ok {
				return nil, fmt.Errorf(`"msg" field must be present and a string, in %s`, clip(text(item)))
			}
			r.Message = msg
			r.metadata(item)
		default:
			return nil, fmt.Errorf("%s is no message: a string, or an object with msg", clip(text(item)))
		}
		if r.Message == "" {
			continue
		}
		r.Message = clip(r.Message)
		out = append(out, r)
	}
	return out, nil
}

func (r *Result) metadata(item map[string]any) {
	for k, v := range item {
		switch k {
		case "msg", "_loc":
		case "address":
			if s, ok := v.(string); ok {
				r.Address = s
				continue
			}
			fallthrough
		default:
			if r.Metadata == nil {
				r.Metadata = map[string]any{}
			}
			r.Metadata[k] = v
		}
	}
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func clip(s string) string {
	if len(s) > maxText {
		return strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}
