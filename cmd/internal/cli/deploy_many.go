package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/spec"
)

func (a *app) deployMany(ctx context.Context, t target, files []string, parallel int, auto bool) error {
	orders, err := t.loadAll(files)
	if err != nil {
		return err
	}
	if err := a.canAsk(auto); err != nil {
		return err
	}
	progress := a.progressOf(true)
	defer progress.stop()
	m := deploy.Many{Parallel: parallel, Policies: map[string]*policies.Policy{}}
	services := make([]*spec.Service, len(orders))
	for i, o := range orders {
		services[i], m.Policies[o.service.Name] = o.service, o.policy
	}
	if auto {
		progress.start()
	} else {
		m.Approve = func(ctx context.Context, all []deploy.Selected) (bool, error) {
			a.printSelected(all, t.sandbox)
			ok, err := a.ask(ctx, fmt.Sprintf("Deploy these %d?", len(all)))
			if ok {
				progress.start()
			}
			return ok, err
		}
	}
	stopNotice := context.AfterFunc(ctx, func() {
		progress.line("Interrupted: stopping in order and removing what was made. This can take a minute.")
	})
	defer stopNotice()
	opts := t.options(nil)
	opts.Progress = progress.event
	return withDeployer(ctx, opts, func(d *deploy.Deployer) error {
		all, err := d.DeployAll(ctx, services, m)
		progress.stop()
		if errors.Is(err, deploy.ErrNotApproved) {
			return failure.Wrap(err, failure.Failed, "these deployments", "Nothing was created.", "")
		}
		if err != nil {
			return err
		}
		return a.printDeployedAll(all)
	})
}

// printSelected is what a person decides on for all.
func (a *app) printSelected(all []deploy.Selected, sandbox bool) {
	var rows [][]string
	var sum, most float64
	for i := range all {
		s := &all[i]
		if s.Err != nil {
			rows = append(rows, []string{s.Name, "-", "-", "-", "-", "not: " + firstOf(asFailure(s.Err).Cause)})
			continue
		}
		c := &s.Result.Candidates[0]
		sum, most = sum+c.TotalUSD, most+s.MaxUSD
		rows = append(rows, []string{
			s.Name, c.Offer.Provider, c.Offer.Region, c.Offer.Type, usd(c.TotalUSD),
			fmt.Sprintf("%d candidate(s), at most %s", len(s.Result.Candidates), usd(s.MaxUSD)),
		})
	}
	table(a.io.Out, []string{"NAME", "PROVIDER", "REGION", "TYPE", "USD/H", "ELSE"}, rows)
	mark := ""
	if sandbox {
		mark = " [sandbox: simulated, costs nothing]"
	}
	a.printf("In all %s an hour, about %s a month; at most %s an hour if others than the first are taken%s\n",
		usd(sum), usd(sum*730), usd(most), mark)
}

// outcomeJSON is what became of one of several.
type outcomeJSON struct {
	Name       string     `json:"name"`
	ExitStatus int        `json:"exit_status"`
	Seconds    float64    `json:"seconds"`
	Error      *errorJSON `json:"error,omitempty"`
}

func outcomeOf(name string, err error, took time.Duration) outcomeJSON {
	out := outcomeJSON{Name: name, Seconds: took.Round(time.Millisecond).Seconds()}
	if err != nil {
		f := asFailure(err)
		out.ExitStatus = f.Code.ExitStatus()
		out.Error = &errorJSON{Code: f.Code, Cause: f.Cause, Meaning: f.Meaning, Next: f.Next}
	}
	return out
}

func (a *app) printDeployedAll(all []deploy.Deployed) error {
	var errs []error
	var rows [][]string
	outcomes, deployments := []outcomeJSON{}, []deploy.Deployment{}
	for i := range all {
		x := &all[i]
		errs = append(errs, x.Err)
		outcomes = append(outcomes, outcomeOf(x.Name, x.Err, x.Took))
		where, what := "-", "runs"
		if x.Deployment.ID != "" {
			deployments = append(deployments, x.Deployment)
			where = x.Deployment.Provider + " " + x.Deployment.Region
		}
		if x.Err != nil {
			what = firstOf(asFailure(x.Err).Cause)
		}
		rows = append(rows, []string{x.Name, where, x.Took.Round(time.Second).String(), what})
	}
	if a.output == "json" {
		if err := a.printJSON(map[string]any{"deployments": deployments, "outcomes": outcomes}); err != nil {
			return err
		}
	} else {
		table(a.io.Out, []string{"NAME", "WHERE", "TOOK", "OUTCOME"}, rows)
	}
	return manyFailed(len(all), "run", errs)
}

// manyFailed is the failure of several operations: its code, and so the exit
// status, is the worst one's.
func manyFailed(all int, verb string, errs []error) error {
	var failed int
	next := map[string]bool{}
	var nexts []string
	for _, err := range errs {
		if err == nil {
			continue
		}
		failed++
		if n := asFailure(err).Next; n != "" && !next[n] {
			next[n] = true
			nexts = append(nexts, n)
		}
	}
	wrapped := make([]error, len(errs))
	for i, err := range errs {
		if err != nil {
			wrapped[i] = asFailure(err)
		}
	}
	worst := deploy.Worst(wrapped...)
	if worst == nil {
		return nil
	}
	const shown = 3
	if len(nexts) > shown {
		nexts = append(nexts[:shown], "and "+strconv.Itoa(len(nexts)-shown)+" more; `skysail list --all` has them all.")
	}
	return failure.New(worst.Code, fmt.Sprintf("%d of %d failed; %d %s", failed, all, all-failed, verb),
		"The worst of them: "+worst.Cause+meaningAfter(worst.Meaning), strings.Join(nexts, "\n"))
}

func meaningAfter(m string) string {
	if m == "" {
		return ""
	}
	return "\n" + m
}

func firstOf(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return strings.TrimSuffix(first, ":")
}
