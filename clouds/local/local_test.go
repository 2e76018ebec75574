package local_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/clouds"
	"skysail/clouds/faults"
	"skysail/clouds/faults/cases"
	"skysail/clouds/local"
	"skysail/internal/reexec"
	"skysail/internal/supervise"
)

func TestMain(m *testing.M) {
	reexec.Main()
	os.Exit(m.Run())
}

const (
	deployment = "d4k2m9x7qpb1"
	name       = "skysail-" + deployment + "-0"
)

// startService starts a program with a child in a service's folder.
func startService(t *testing.T, dir, name string) local.Folder {
	t.Helper()
	f := local.FolderOf(dir, deployment, name)
	if err := f.Create(local.Record{CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}); err != nil {
		t.Fatal(err)
	}
	_, err := supervise.Start(t.Context(), supervise.Spec{
		Dir: f.Supervisor(), Journal: f.Journal(), Argv: []string{"/bin/sh", "-c", "sleep 1000 & wait"},
		Env: []string{"PATH=" + os.Getenv("PATH")}, Restart: true, DeploymentID: deployment, Marks: []string{f.Mark()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := f.Remove(ctx, nil); err != nil {
			t.Error(err)
		}
	})
	return f
}

func running(t *testing.T) int {
	t.Helper()
	pids, err := supervise.FindByDeployment(deployment)
	if err != nil {
		t.Fatal(err)
	}
	return len(pids)
}

func TestFindAndDelete(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "local")
	c := local.New(dir, clouds.MapEnv(nil))
	if found, err := c.Find(t.Context(), deployment); err != nil || len(found) != 0 {
		t.Fatalf("nothing was made, found %v, %v", found, err)
	}
	startService(t, dir, name)
	// One whose making was cut off before anything ran.
	if err := os.MkdirAll(filepath.Join(dir, deployment, "cut-off"), 0o700); err != nil {
		t.Fatal(err)
	}
	if s, err := c.Status(deployment, name); err != nil || s.State != supervise.StateRunning {
		t.Errorf("status %+v, %v", s, err)
	}
	found, err := c.Find(t.Context(), deployment)
	if err != nil {
		t.Fatal(err)
	}
	tags := []string{"skysail-deployment:" + deployment}
	want := []clouds.Resource{
		{Provider: "local", Kind: "local_service", ID: deployment + "/cut-off", Name: "cut-off", Region: "local", Tags: tags},
		{Provider: "local", Kind: "local_service", ID: deployment + "/" + name, Name: name, Region: "local", Tags: tags, CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
	for range 2 { // what is gone already is no error
		for _, r := range found {
			if err := c.Delete(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
	}
	if found, err := c.Find(t.Context(), deployment); err != nil || len(found) != 0 || running(t) != 0 {
		t.Errorf("left: %v, %v, %d processes", found, err, running(t))
	}
	if _, err := c.Status(deployment, name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("status of what is gone: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, deployment)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the deployment's folder stays: %v", err)
	}
}

func TestFindAndDeleteOfWhatLostItsFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "local")
	c := local.New(dir, clouds.MapEnv(nil))
	f := startService(t, dir, name)
	if err := os.RemoveAll(filepath.Dir(f.Path())); err != nil {
		t.Fatal(err)
	}
	found, err := c.Find(t.Context(), deployment)
	if err != nil || len(found) != 1 || found[0].Kind != "processes" || !strings.Contains(found[0].Name, "(sh)") {
		t.Fatalf("found %+v, %v", found, err)
	}
	if err := c.Delete(t.Context(), found[0]); err != nil {
		t.Fatal(err)
	}
	if n := running(t); n != 0 {
		t.Errorf("%d processes are left", n)
	}
}

func TestDeleteIsNotTalkedIntoMore(t *testing.T) {
	root := t.TempDir()
	keep := filepath.Join(root, "keep")
	if err := os.WriteFile(keep, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := local.New(filepath.Join(root, "local"), clouds.MapEnv(nil))
	for _, r := range []clouds.Resource{
		{Kind: "local_service", ID: ""},
		{Kind: "local_service", ID: deployment},
		{Kind: "local_service", ID: deployment + "/.."},
		{Kind: "local_service", ID: "../" + name},
		{Kind: "processes", ID: ""},
		{Kind: "droplet", ID: "1"},
	} {
		if err := c.Delete(t.Context(), r); err == nil {
			t.Errorf("%+v was deleted", r)
		}
	}
	for _, path := range []string{"/", root, keep, "relative/" + deployment + "/" + name} {
		if err := local.FolderAt(path, deployment, name).Remove(t.Context(), nil); err == nil {
			t.Errorf("%s was removed", path)
		}
	}
	if _, err := c.Find(t.Context(), "d"); err == nil {
		t.Error("less than an ID was looked for")
	}
	if _, err := os.Stat(keep); err != nil {
		t.Error(err)
	}
}

func TestRemoveOfReadOnlyFolders(t *testing.T) {
	f := local.FolderOf(t.TempDir(), deployment, name)
	deep := filepath.Join(f.App(), "a", "b")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(deep, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{deep, filepath.Dir(deep)} {
		if err := os.Chmod(d, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Remove(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if exists, err := f.Exists(); exists || err != nil {
		t.Errorf("exists %v, %v", exists, err)
	}
}

func TestTerraformEnv(t *testing.T) {
	c := local.New("/home/me/local", clouds.MapEnv(map[string]string{
		"HTTPS_PROXY": "http://proxy", "DOCKER_HOST": "unix:///run/docker.sock", "VULTR_API_KEY": "secret",
	}))
	want := map[string]string{"SKYSAIL_LOCAL_DIR": "/home/me/local", "HTTPS_PROXY": "http://proxy", "DOCKER_HOST": "unix:///run/docker.sock"}
	if diff := cmp.Diff(want, c.TerraformEnv()); diff != "" {
		t.Error(diff)
	}
	if err := c.Credentials(); err != nil {
		t.Error(err)
	}
}

func TestFaults(t *testing.T) {
	table := local.New("/x", clouds.MapEnv(nil)).Faults()
	cases.Check(t, table, len(table)-len(faults.Common()), "testdata/faults.yaml", 1)
}
