package main

import (
	"fmt"
	"time"

	"helm.sh/helm/v4/pkg/action"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/kube"
	ri "helm.sh/helm/v4/pkg/release"
	v1 "helm.sh/helm/v4/pkg/release/v1"
)

// strategy is how Helm 3, which is in version 3.1.2, waits.
func (m *model) strategy() kube.WaitStrategy {
	if m.Wait.ValueBool() || m.Atomic.ValueBool() {
		return kube.LegacyStrategy
	}
	return kube.HookOnlyStrategy
}

func (m *model) patience() time.Duration { return time.Duration(m.Timeout.ValueInt64()) * time.Second }

func install(cfg *action.Configuration, m *model, ch *chart.Chart, values map[string]any) (*v1.Release, error) {
	a := action.NewInstall(cfg)
	a.ServerSideApply = false // as Helm 3
	a.Namespace, a.ReleaseName = m.Namespace.ValueString(), m.Name.ValueString()
	a.WaitStrategy, a.WaitForJobs, a.Timeout = m.strategy(), m.WaitForJobs.ValueBool(), m.patience()
	a.RollbackOnFailure, a.Replace, a.CreateNamespace = m.Atomic.ValueBool(), m.Replace.ValueBool(), m.CreateNamespace.ValueBool()
	a.DisableHooks, a.SkipCRDs, a.SubNotes = m.DisableWebhooks.ValueBool(), m.SkipCRDs.ValueBool(), m.RenderSubchartNotes.ValueBool()
	a.DisableOpenAPIValidation, a.TakeOwnership = m.DisableOpenAPIValidation.ValueBool(), m.TakeOwnership.ValueBool()
	a.Description = m.Description.ValueString()
	return known(a.Run(ch, values))
}

func upgrade(cfg *action.Configuration, m *model, ch *chart.Chart, values map[string]any) (*v1.Release, error) {
	a := action.NewUpgrade(cfg)
	a.ServerSideApply = "auto"
	a.Namespace = m.Namespace.ValueString()
	a.WaitStrategy, a.WaitForJobs, a.Timeout = m.strategy(), m.WaitForJobs.ValueBool(), m.patience()
	a.RollbackOnFailure, a.CleanupOnFail, a.MaxHistory = m.Atomic.ValueBool(), m.CleanupOnFail.ValueBool(), int(m.MaxHistory.ValueInt64())
	a.DisableHooks, a.SkipCRDs, a.SubNotes = m.DisableWebhooks.ValueBool(), m.SkipCRDs.ValueBool(), m.RenderSubchartNotes.ValueBool()
	a.DisableOpenAPIValidation, a.TakeOwnership = m.DisableOpenAPIValidation.ValueBool(), m.TakeOwnership.ValueBool()
	a.ForceReplace, a.ResetValues, a.ReuseValues = m.ForceUpdate.ValueBool(), m.ResetValues.ValueBool(), m.ReuseValues.ValueBool()
	a.Description = m.Description.ValueString()
	return known(a.Run(m.Name.ValueString(), ch, values))
}

func get(cfg *action.Configuration, name string) (*v1.Release, error) {
	return known(action.NewGet(cfg).Run(name))
}

// known is a release of the form that Helm has for charts of today.
func known(r ri.Releaser, err error) (*v1.Release, error) {
	rel, ok := r.(*v1.Release)
	if !ok && err == nil {
		return nil, fmt.Errorf("Helm keeps a release as %T, which is not known", r)
	}
	return rel, err
}
