package kube

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"skysail/internal/failure"
)

// EnvTools names the folder with the programs of the cluster.
const EnvTools = "SKYSAIL_KUBE_TOOLS"

// The programs.
const (
	etcd              = "etcd"
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	kwok              = "kwok"
)

// Tools are the programs of a cluster, all in one folder.
type Tools struct{ Dir string }

func (t Tools) path(program string) string { return filepath.Join(t.Dir, program) }

// Find returns the first of the folders that has all programs. Without folders
// it looks where EnvTools says, else in tools/kube beside this program. The
// error says how to build them.
func Find(dirs ...string) (Tools, error) {
	if len(dirs) == 0 {
		dirs = defaultDirs()
	}
	missing := map[string]string{}
	for _, d := range dirs {
		d, err := filepath.Abs(d)
		if err != nil {
			return Tools{}, fmt.Errorf("kubernetes tools: %w", err)
		}
		t := Tools{Dir: d}
		lacks := t.lacks()
		if len(lacks) == 0 {
			return t, nil
		}
		missing[d] = strings.Join(lacks, ", ")
	}
	var looked []string
	for d, lacks := range missing {
		looked = append(looked, fmt.Sprintf("%s lacks %s", d, lacks))
	}
	return Tools{}, failure.New(failure.Failed,
		"the Kubernetes control plane is not built: "+strings.Join(looked, "; "),
		"The sandbox has no cluster without it; the simulated clouds need none.",
		"Run `make tools-kube` in skysail's repository (seven minutes on two cores, once), or set "+EnvTools+" to the folder that has the programs.")
}

// defaultDirs is where the programs are found without being told.
func defaultDirs() []string {
	if d := os.Getenv(EnvTools); d != "" {
		return []string{d}
	}
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	if real, err := filepath.EvalSymlinks(self); err == nil {
		self = real
	}
	return []string{filepath.Join(filepath.Dir(self), "tools", "kube")}
}

func (t Tools) lacks() []string {
	var out []string
	for _, p := range []string{etcd, apiServer, controllerManager, scheduler, kwok} {
		if info, err := os.Stat(t.path(p)); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			out = append(out, p)
		}
	}
	return out
}
