package tfplugin

import (
	"errors"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"skysail/internal/failure"
)

// Problem is an error as Terraform shows it: a summary, what stands below it,
// and the attribute it is about. A failure.Error is shown by its parts, any
// other error as a summary.
type Problem struct {
	Summary   string
	Detail    string
	Attribute string
	Err       error
}

func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Summary
	}
	return p.Summary + "\n" + p.Detail
}

func (p *Problem) Unwrap() error { return p.Err }

// diagnostics turns an error into what the protocol carries. The errors of an
// errors.Join are shown one by one.
func diagnostics(err error) []*tfprotov5.Diagnostic {
	if err == nil {
		return nil
	}
	// Only what is joined at the top is shown apart.
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*tfprotov5.Diagnostic
		for _, e := range joined.Unwrap() {
			out = append(out, diagnostics(e)...)
		}
		return out
	}
	var p *Problem
	var f *failure.Error
	switch {
	case errors.As(err, &p):
	case errors.As(err, &f):
		p = &Problem{Summary: f.Cause, Detail: strings.TrimSpace(f.Meaning + "\n" + f.Next)}
	default:
		p = &Problem{Summary: err.Error()}
	}
	return []*tfprotov5.Diagnostic{p.diagnostic(tfprotov5.DiagnosticSeverityError)}
}

func (p *Problem) diagnostic(severity tfprotov5.DiagnosticSeverity) *tfprotov5.Diagnostic {
	d := &tfprotov5.Diagnostic{Severity: severity, Summary: p.Summary, Detail: p.Detail}
	if p.Attribute != "" {
		d.Attribute = tftypes.NewAttributePath().WithAttributeName(p.Attribute)
	}
	return d
}

func warnings(notes []*Problem) []*tfprotov5.Diagnostic {
	out := make([]*tfprotov5.Diagnostic, 0, len(notes))
	for _, n := range notes {
		out = append(out, n.diagnostic(tfprotov5.DiagnosticSeverityWarning))
	}
	return out
}
