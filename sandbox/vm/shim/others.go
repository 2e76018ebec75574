package shim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"skysail/sandbox/vm/cloudinit"
	"skysail/sandbox/vm/container"
)

// cloudInit answers `cloud-init status [--wait] [--long]`.
func cloudInit(m machine, args []string) int {
	if len(args) == 0 || args[0] != "status" {
		return m.fail("cloud-init", errors.New("the sandbox has `cloud-init status` only"))
	}
	wait := slices.ContainsFunc(args, func(a string) bool { return a == "--wait" || a == "-w" })
	if wait && m.answered {
		return elsewhere
	}
	long := slices.ContainsFunc(args, func(a string) bool { return a == "--long" || a == "-l" })
	for {
		st, err := cloudinit.ReadStatus(m.root)
		if err != nil {
			return m.fail("cloud-init", err)
		}
		if wait && (st.State == "" || st.State == "running") {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if st.State == "" {
			st.State = "not started"
		}
		_, _ = fmt.Fprintln(m.stdout, "status:", st.State)
		if long {
			_, _ = fmt.Fprintln(m.stdout, "errors:")
			for _, e := range st.Errors {
				_, _ = fmt.Fprintln(m.stdout, "\t-", e)
			}
		}
		if st.State == "error" {
			return 1
		}
		return 0
	}
}

// WriteContainers keeps what the container shims need to know.
func WriteContainers(dir string, i container.Instance) error {
	b, err := json.Marshal(i)
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(dir, ContainersFile), b, 0o600)
}

// ReadContainers returns what WriteContainers kept.
func ReadContainers(dir string) (container.Instance, error) {
	var i container.Instance
	b, err := os.ReadFile(filepath.Join(dir, ContainersFile)) //nolint:gosec // the instance's folder
	if err != nil {
		return i, err
	}
	return i, json.Unmarshal(b, &i)
}

// containers runs this machine's engine in the place of podman.
func containers(m machine, args []string) int {
	i, err := ReadContainers(m.dir)
	if err != nil {
		return m.fail("podman", err)
	}
	i.Path = m.withoutShims(m.path)
	engine, err := container.Find(context.Background(), i.Path)
	if err != nil {
		_, _ = fmt.Fprintf(m.stderr, "%v: the sandbox can not run podman %s\n", err, strings.Join(args, " "))
		return 125
	}
	out, _, err := i.Rewrite(engine, args)
	if err != nil {
		return m.fail("podman", err)
	}
	if len(out) > 0 && (out[0] == "run" || out[0] == "create") {
		// Stop looks for what a killed client leaves, if there can be any.
		if err := os.WriteFile(filepath.Join(m.dir, container.UsedFile), nil, 0o600); err != nil {
			return m.fail("podman", err)
		}
	}
	return m.fail("podman", m.become(append([]string{engine.Path}, out...), []string{"PATH=" + i.Path}))
}
