// Package alertrules writes the built-in alerts as Prometheus has them: a file of
// recording and alerting rules, inhibition for Alertmanager, and a Grafana
// dashboard. It is pure, and the same deployments give the same bytes.
package alertrules

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"skysail/internal/duration"
	"skysail/policies"
	"skysail/qos/alert"
	"skysail/qos/objective"
	"skysail/spec"
)

// Service is what there is to know of a service.
type Service struct {
	Name       string
	Objectives []spec.Objective
	// FailureThreshold is that of its health block; 0 is the default. It has
	// no health check where Health is false.
	FailureThreshold int
	Health           bool
}

// Of is what there is to know of a service by its file.
func Of(s *spec.Service) Service {
	out := Service{Name: s.Name, Objectives: s.Objectives, Health: s.Health != nil}
	if s.Health != nil {
		out.FailureThreshold = s.Health.FailureThreshold
	}
	return out
}

type file struct {
	Groups []group `yaml:"groups"`
}

type group struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval,omitempty"`
	Rules    []rule `yaml:"rules"`
}

type rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

const header = `# Written by skysail monitor rules. The alerts are those of skysail monitor
# itself: docs/qos.md, Objectives and alerts. The scrape job of skysail monitor
# needs honor_labels: true.
`

// Rules is a rule file for Prometheus, of what skysail monitor serves with that
// interval between two readings.
func Rules(services []Service, interval time.Duration) ([]byte, error) {
	services = slices.SortedFunc(slices.Values(services), func(a, b Service) int { return cmp.Compare(a.Name, b.Name) })
	f := file{Groups: []group{{Name: "skysail", Rules: common()}}}
	for _, s := range services {
		if s.Health {
			f.Groups = append(f.Groups, group{Name: "skysail-" + s.Name, Rules: []rule{down(s, interval)}})
		}
		for _, o := range s.Objectives {
			f.Groups = append(f.Groups, burning(s.Name, o)...)
		}
	}
	var b bytes.Buffer
	b.WriteString(header)
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(f); err != nil {
		return nil, err
	}
	return b.Bytes(), enc.Close()
}

// notInMaintenance is what keeps an alert quiet.
const notInMaintenance = "\nunless on (deployment) (skysail_maintenance == 1)"

func alertRule(k alert.Kind, expr, wait, summary string) rule {
	if !k.Always {
		expr += notInMaintenance
	}
	return rule{Alert: k.Name, Expr: expr, For: wait, Labels: map[string]string{"severity": k.Severity}, Annotations: map[string]string{"summary": summary, "description": k.Help}}
}

// common are the rules that are the same for every service.
func common() []rule {
	return []rule{
		alertRule(alert.HostKey, "max by (deployment, instance, sandbox) (skysail_host_key_mismatch) == 1", "",
			"instance {{ $labels.instance }} of {{ $labels.deployment }} shows another SSH host key than the pinned one"),
		alertRule(alert.Certificate, fmt.Sprintf("min by (deployment, instance, sandbox) (probe_ssl_earliest_cert_expiry) - time() < %d", int(alert.CertificateLeft.Seconds())), "",
			"the TLS certificate of instance {{ $labels.instance }} of {{ $labels.deployment }} ends soon: renew it"),
		alertRule(alert.Stale, "max by (deployment, instance, sandbox, source) (skysail_source_up) == 0\nunless on () (skysail_own_network_up == 0)", duration.Text(alert.StaleAfter),
			"source {{ $labels.source }} of instance {{ $labels.instance }} of {{ $labels.deployment }} can not be read"),
		{
			Alert: "SkysailMonitorDown", Expr: "absent(skysail_monitor_sources)", For: "5m", Labels: map[string]string{"severity": policies.SeverityPage},
			Annotations: map[string]string{
				"summary": "skysail monitor is not scraped", "description": "Nobody evaluates alerts. skysail monitor itself can not tell this.",
			},
		},
	}
}

// down is known after one threshold of failures, so the rule waits for the
// second. A pod has no state but whether it is ready.
func down(s Service, interval time.Duration) rule {
	failures := cmp.Or(s.FailureThreshold, 3)
	of := selector(s.Name)
	r := alertRule(alert.Down, fmt.Sprintf("max by (deployment, instance, sandbox) (skysail_health_state{%s, state=~\"down|unreachable\"} or 1 - kube_pod_status_ready{%s, condition=\"true\"}) == 1", of, of),
		duration.Text(time.Duration(failures)*interval), "instance {{ $labels.instance }} of {{ $labels.deployment }} is down")
	r.Labels["deployment"] = s.Name
	return r
}

func selector(deployment string) string { return "deployment=" + strconv.Quote(deployment) }

// errorsRatio and errorsIncrease are the names of what is recorded over a
// window, as Prometheus advises: level, metric, operations.
func errorsRatio(w time.Duration) string {
	return "deployment_objective:skysail_objective_errors:ratio_increase" + duration.Text(w)
}

func errorsIncrease(w time.Duration) string {
	return "deployment_objective:skysail_objective_errors:increase" + duration.Text(w)
}

// burning are the rules of an objective: what is recorded over each window, and
// the alerts on that. The whole window is reckoned less often.
func burning(deployment string, o spec.Objective) []group {
	of := fmt.Sprintf("%s, objective=%q", selector(deployment), o.Name)
	g := group{Name: "skysail-" + deployment + "-" + o.Name}
	whole := group{Name: g.Name + "-budget", Interval: "5m"}
	burns := objective.Burns(o.Window)
	seen := map[string]bool{}
	// The series have these labels anyhow; here they tell rules of one name apart.
	names := func() map[string]string { return map[string]string{"deployment": deployment, "objective": o.Name} }
	record := func(g *group, name, expr string) {
		if !seen[name] {
			seen[name] = true
			g.Rules = append(g.Rules, rule{Record: name, Expr: expr, Labels: names()})
		}
	}
	sum := func(name string, w time.Duration) string {
		return fmt.Sprintf("sum by (deployment, objective, sandbox) (increase(%s{%s}[%s]))", name, of, duration.Text(w))
	}
	ratio := func(g *group, w time.Duration) {
		record(g, errorsRatio(w), fmt.Sprintf("1 -\n  %s\n/\n  %s", sum("skysail_objective_good_readings_total", w), sum("skysail_objective_readings_total", w)))
	}
	for _, b := range burns {
		ratio(&g, b.Long)
		ratio(&g, b.Short)
		record(&g, errorsIncrease(b.Long), fmt.Sprintf("  %s\n-\n  %s", sum("skysail_objective_readings_total", b.Long), sum("skysail_objective_good_readings_total", b.Long)))
	}
	ratio(&whole, o.Window)
	target := strconv.FormatFloat(o.Target, 'g', -1, 64)
	whole.Rules = append(whole.Rules, rule{
		Record: "deployment_objective:skysail_objective_budget_remaining:ratio",
		Expr:   fmt.Sprintf("1 - %s{%s} / (1 - %s)", errorsRatio(o.Window), of, target), Labels: names(),
	})
	for _, b := range burns {
		factor := strconv.FormatFloat(b.Factor, 'g', -1, 64)
		over := func(w time.Duration) string {
			return fmt.Sprintf("%s{%s} > %s * (1 - %s)", errorsRatio(w), of, factor, target)
		}
		k := alert.BudgetBurn
		k.Severity = b.Severity
		// increase() extrapolates: what is more than 1.5 is at least two.
		r := alertRule(k, fmt.Sprintf("%s\nand %s\nand %s{%s} > 1.5", over(b.Long), over(b.Short), errorsIncrease(b.Long), of), "",
			fmt.Sprintf("%s of {{ $labels.deployment }} burns its error budget at more than %s times the allowed rate over %s", o.Name, factor, duration.Text(b.Long)))
		maps.Copy(r.Labels, names())
		r.Labels["burn_rate"], r.Labels["window"], r.Labels["short_window"] = factor, duration.Text(b.Long), duration.Text(b.Short)
		g.Rules = append(g.Rules, r)
	}
	return []group{g, whole}
}
