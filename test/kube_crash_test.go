package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"skysail/deploy"
	"skysail/sandbox"
)

// kubeCrashWorkers share one cluster, each in a namespace and a home of its own.
const kubeCrashWorkers = 2

// TestKubeCrash is TestCrash on a cluster: command, supervisor, Terraform and
// the plugin with Helm in it are killed, and each deployment ends running as
// wanted, or gone with nothing of it in the cluster.
func TestKubeCrash(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SKYSAIL_CRASH_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	sharedCluster(t)
	t.Logf("SKYSAIL_CRASH_SEED=%d", seed)
	runs := 12
	if os.Getenv("SKYSAIL_CRASH_RUNS") != "" {
		n := crashRuns(t)
		runs = max(n/6, min(n, 12))
	}
	cases := kubeCrashCases(t, runs, rand.New(rand.NewPCG(seed, 1)))
	report(t, crashAll(cases, kubeCrashWorkers, func(n int) *crashWorker { return newKubeCrashWorker(t, n) }))
}

func newKubeCrashWorker(t *testing.T, n int) *crashWorker {
	t.Helper()
	k := newKubeBench(t, sharedCluster(t))
	at := &crashCluster{Kubeconfig: k.kubeconfig, Mirror: k.mirror, Namespace: fmt.Sprintf("crash-%d", n)}
	k.namespace(at.Namespace, nil)
	return startCrashWorker(t, &crashWorker{t: t, b: k.bench, kube: k, at: at})
}

// kubeCrashCases kill at the points of each operation, and at random times.
func kubeCrashCases(t *testing.T, n int, r *rand.Rand) []crashCase {
	w := newKubeCrashWorker(t, kubeCrashWorkers)
	var exact []crashCase
	lengths := map[string]time.Duration{}
	ops := []string{"deploy", "update", "destroy"}
	for _, op := range ops {
		points, took := w.record(op)
		lengths[op] = took
		nth := map[string]int{}
		for _, p := range points {
			nth[p]++
			exact = append(exact, crashCase{Op: op, Plan: crashPlan{Victim: killSupervisor, Point: p, Nth: nth[p]}})
			if strings.HasSuffix(p, ":begun") && (strings.Contains(p, "apply") || strings.Contains(p, "destroy") || strings.Contains(p, "update")) {
				for _, v := range []victim{killTerraform, killPlugin} {
					exact = append(exact, crashCase{Op: op, Plan: crashPlan{Victim: v, Point: p, Nth: nth[p], Delay: randomDelay(r, 3*time.Second)}})
				}
			}
		}
	}
	r.Shuffle(len(exact), func(i, j int) { exact[i], exact[j] = exact[j], exact[i] })
	cases := exact[:min(len(exact), n-n/3)]
	victims := []victim{killCommand, killSupervisor, killTerraform, killPlugin}
	for i := 0; len(cases) < n; i++ {
		op := ops[i%len(ops)]
		cases = append(cases, crashCase{
			Op: op, Random: true, Plan: crashPlan{Victim: victims[i/len(ops)%len(victims)], Delay: randomDelay(r, lengths[op])},
		})
	}
	return cases
}

// held is what the clouds, or the worker's namespace, have of deployments.
func (w *crashWorker) held() []sandbox.Resource {
	if w.kube == nil {
		return w.b.resources()
	}
	var out []sandbox.Resource
	kinds := "deployments,replicasets,pods,services,networkpolicies,poddisruptionbudgets,serviceaccounts,secrets"
	for _, sel := range []string{"skysail.dev/deployment", "owner=helm"} {
		list := w.kube.kubectl("-n", w.at.Namespace, "get", kinds, "-l", sel, "-o", "jsonpath={range .items[*]}{.kind} {.metadata.name}\n{end}")
		for line := range strings.Lines(list) {
			kind, name, _ := strings.Cut(strings.TrimSpace(line), " ")
			out = append(out, sandbox.Resource{Provider: "kubernetes", Kind: kind, Name: name})
		}
	}
	return out
}

// wantedPod says what is wrong with a deployment that runs on a cluster.
func wantedPod(st deploy.Status, held []sandbox.Resource) (problems []string) {
	deployments := 0
	for _, r := range held {
		if !strings.Contains(r.Name, st.ID) {
			problems = append(problems, fmt.Sprintf("the cluster holds what is not of %s: %+v", st.ID, r))
		}
		if r.Kind == "Deployment" {
			deployments++
		}
	}
	if deployments != 1 || len(st.Live) != 1 || st.Live[0].Healthy != deploy.Yes {
		problems = append(problems, fmt.Sprintf("%d Deployments, pods %+v, wanted one that is ready", deployments, st.Live))
	}
	return problems
}
