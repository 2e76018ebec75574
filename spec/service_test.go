package spec

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/internal/hclfile"
)

func container() *Service {
	return &Service{
		Name:   "echo",
		Source: Source{Container: &Container{Image: "ghcr.io/acme/echo:1.4"}},
		Resources: Resources{
			CPU: 4, MemoryGB: 16, StorageGB: 40, Arch: "amd64",
			GPU: &GPU{Count: 1, Model: "L4", MemoryGB: 24},
		},
		Instances: 3,
		Ports:     []Port{{Name: "http", Number: 8080, Public: true}, {Name: "metrics", Number: 9090}},
		Health:    &Health{HTTP: &HTTPHealth{Port: "http", Path: "/healthz?deep=1"}},
		Disk:      &Disk{SizeGB: 100, Path: "/data"},
		Logs: &Logs{
			Files: []LogFile{{Path: "/var/log/echo/access.log"}, {Path: "/var/lib/docker/containers/echo/echo-json.log", Format: "docker"}},
			Rules: []LogRule{
				{Name: "errors", JSON: map[string]string{"level": "error"}, Labels: map[string]string{"code": "http.status"}},
				{
					Name: "request_seconds", Regex: "took (?P<seconds>[0-9.]+)s", Metric: LogHistogram, Value: "seconds",
					Buckets: []float64{0.1, 1, 10},
				},
			},
			Retention: LogRetention{SizeMB: 16, Days: 3},
		},
		Objectives: []Objective{
			{Name: ObjectiveAvailability, Target: 0.999, Window: 720 * time.Hour},
			{Name: ObjectiveLatency, Target: 0.95, Window: 36 * time.Hour, Threshold: 300 * time.Millisecond},
		},
		Env:     map[string]string{"LOG_LEVEL": "info", "RETRIES": "3", "VERBOSE": "true", "EMPTY": "", "REGION": "eu-1"},
		Secrets: []string{"API_KEY", "_TOKEN2"},
	}
}

func native() *Service {
	return &Service{
		Name: "echo",
		Source: Source{Native: &Native{
			URL:    "https://example.com/echo-eu-1.tar.gz?token=a&b=c",
			SHA256: "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
			Binary: "bin/echo",
			Args:   []string{"--listen", ":8080", "--name=two words"},
		}},
		Resources: Resources{CPU: 2.5, MemoryGB: 0.5, Arch: "arm64", GPU: &GPU{Count: 1}},
		Instances: 1,
		Ports:     []Port{{Name: "http", Number: 8080, Public: true}},
		Health:    &Health{HTTP: &HTTPHealth{Port: "http", Path: "/"}},
	}
}

func ranged() *Service {
	s := container()
	s.Source.Container.Image, s.Objectives = "nginx", nil
	s.Instances, s.MaxInstances = 2, 10
	return s
}

func TestValidFiles(t *testing.T) {
	for name, want := range map[string]*Service{
		"container.hcl":  container(),
		"container.json": container(),
		"native.hcl":     native(),
		"range.hcl":      ranged(),
	} {
		got, err := load(filepath.Join("testdata", "valid", name), testOptions)
		if err != nil {
			t.Errorf("%s\n%v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%s: loaded, but not valid:\n%v", name, err)
		}
	}
}

// The public Load sees the environment of the process.
func TestLoadUsesTheEnvironment(t *testing.T) {
	t.Setenv("REGION", "from-the-process")
	s, err := Load(filepath.Join("testdata", "valid", "container.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Env["REGION"]; got != "from-the-process" {
		t.Errorf("REGION is %q", got)
	}
}

func TestLoadOfNoFile(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "service.hcl"))
	var e *hclfile.Error
	if !errors.As(err, &e) || !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("want an *hclfile.Error that is fs.ErrNotExist, got %T: %v", err, err)
	}
	if !strings.Contains(err.Error(), "skysail init") {
		t.Errorf("no next step in:\n%v", err)
	}
}

func TestRelativeURLs(t *testing.T) {
	dir := t.TempDir()
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "my services")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "service.hcl")
	base := "file://" + filepath.ToSlash(abs)
	for written, want := range map[string]string{
		"dist/echo.tar.gz":           base + "/my%20services/dist/echo.tar.gz",
		"./echo.tar.gz":              base + "/my%20services/echo.tar.gz",
		"../echo.tar.gz":             base + "/echo.tar.gz",
		"a b#c?d%e.tar.gz":           base + "/my%20services/a%20b%23c%3Fd%25e.tar.gz",
		"/srv/echo.tar.gz":           "file:///srv/echo.tar.gz",
		"file:///srv/echo.tar.gz":    "file:///srv/echo.tar.gz",
		"https://example.com/a.tgz":  "https://example.com/a.tgz",
		"http://[::1]:8080/a.tar.gz": "http://[::1]:8080/a.tar.gz",
	} {
		source := strings.Replace(nativeSource, "URL", written, 1)
		if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Load(path)
		if err != nil {
			t.Errorf("%s\n%v", written, err)
			continue
		}
		if got := s.Source.Native.URL; got != want {
			t.Errorf("%s became %s, want %s", written, got, want)
		}
	}
}

const nativeSource = `service "echo" {
  source {
    native {
      url    = "URL"
      sha256 = "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
      binary = "echo"
    }
  }
  resources {
    cpu       = 1
    memory_gb = 1
  }
}
`

// What the loader refuses, Validate refuses in a value that a program built.
func TestValidate(t *testing.T) {
	for field, change := range map[string]func(*Service){
		"name":                     func(s *Service) { s.Name = "a b" },
		"source":                   func(s *Service) { s.Source = Source{} },
		"source.native":            func(s *Service) { s.Source.Native = native().Source.Native },
		"source.container.image":   func(s *Service) { s.Source.Container.Image = "" },
		"resources.cpu":            func(s *Service) { s.Resources.CPU = math.NaN() },
		"resources.memory_gb":      func(s *Service) { s.Resources.MemoryGB = math.Inf(1) },
		"resources.storage_gb":     func(s *Service) { s.Resources.StorageGB = -1 },
		"resources.gpu.count":      func(s *Service) { s.Resources.GPU.Count = -1 },
		"resources.gpu.model":      func(s *Service) { s.Resources.GPU.Model = "\n" },
		"instances":                func(s *Service) { s.Instances = 0 },
		"instances.max":            func(s *Service) { s.MaxInstances = s.Instances - 1 },
		"instances.min":            func(s *Service) { s.Instances, s.MaxInstances = -1, 3 },
		"ports[1].name":            func(s *Service) { s.Ports[1].Name = "http" },
		"ports[0].number":          func(s *Service) { s.Ports[0].Number = -1 },
		"health":                   func(s *Service) { s.Health.HTTP = nil },
		"health.http.port":         func(s *Service) { s.Health.HTTP.Port = "" },
		"health.http.path":         func(s *Service) { s.Health.HTTP.Path = "/" + strings.Repeat("a", 2000) },
		"health.timeout":           func(s *Service) { s.Health.Timeout = time.Hour },
		"health.success_threshold": func(s *Service) { s.Health.SuccessThreshold = -1 },
		"health.vantage[0]":        func(s *Service) { s.Health.Vantage = []string{"x"} },
		"health.tcp.port":          func(s *Service) { s.Health = &Health{TCP: &TCPHealth{}} },
		"health.tcp.send":          func(s *Service) { s.Health = &Health{TCP: &TCPHealth{Port: "http", Send: strings.Repeat("a", 5000)}} },
		"health.grpc.tls.ca_file": func(s *Service) {
			s.Health = &Health{GRPC: &GRPCHealth{Port: "http", TLS: &HealthTLS{CAFile: "ca.pem"}}}
		},
		"health.grpc.tls.server_name": func(s *Service) {
			s.Health = &Health{GRPC: &GRPCHealth{Port: "http", TLS: &HealthTLS{ServerName: "a b"}}}
		},
		"health.http.json":            func(s *Service) { s.Health.HTTP.JSON = make([]string, 100) },
		"health.http.headers[X]":      func(s *Service) { s.Health.HTTP.Headers = map[string]string{"X": "a\r\nb"} },
		"health.http.body_matches[0]": func(s *Service) { s.Health.HTTP.BodyMatches = []string{strings.Repeat("a", 2000)} },
		"objectives[0].target":        func(s *Service) { s.Objectives[0].Target = math.NaN() },
		"objectives[0].window":        func(s *Service) { s.Objectives[0].Window = -time.Hour },
		"objectives[1].threshold":     func(s *Service) { s.Objectives[1].Threshold = 0 },
		"objectives[1].name":          func(s *Service) { s.Objectives[1] = s.Objectives[0] },
		"objectives[0]":               func(s *Service) { s.Health = nil },
		"env[A\nB]":                   func(s *Service) { s.Env["A\nB"] = "" },
		"env[RETRIES]":                func(s *Service) { s.Env["RETRIES"] = "\x00" },
		"env[VERBOSE]":                func(s *Service) { s.Env["VERBOSE"] = strings.Repeat("a", 1<<20) },
		"secrets[1]":                  func(s *Service) { s.Secrets[1] = "RETRIES" },
		"secrets[0]":                  func(s *Service) { s.Secrets[0] = "SKYSAIL_HELPER" },
		"source.native.url":           func(s *Service) { s.Source = native().Source; s.Source.Native.URL = "echo.tar.gz" },
		"source.native.sha256":        func(s *Service) { s.Source = native().Source; s.Source.Native.SHA256 = "" },
		"source.native.binary":        func(s *Service) { s.Source = native().Source; s.Source.Native.Binary = "" },
		"source.native.args[1]":       func(s *Service) { s.Source = native().Source; s.Source.Native.Args[1] = "\r" },
	} {
		s := container()
		change(s)
		err := s.Validate()
		var e *hclfile.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: want an *hclfile.Error, got %v", field, err)
			continue
		}
		if p := e.Problems(); len(p) != 1 || p[0].Field != field {
			t.Errorf("want one problem at %s, got %+v", field, p)
		}
		if strings.ContainsAny(err.Error(), "\x00\r") {
			t.Errorf("%s: control characters in %q", field, err)
		}
	}
	if err := container().Validate(); err != nil {
		t.Errorf("a good service is refused:\n%v", err)
	}
}

func TestImageReferences(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("0123456789abcdef", 4)
	for image, good := range map[string]bool{
		"nginx": true, "nginx:1.28": true, "library/nginx": true, "docker.io/library/nginx:1.28": true,
		"ghcr.io/acme/echo:1.4" + digest: true, "localhost:5000/a/b__c/d-e.f": true, "[::1]:5000/a": true,
		"REGISTRY.example.com/a": true, "a" + digest: true,
		"": false, "Nginx": false, "nginx:": false, ":1.28": false, "nginx:a:b": false, "a//b": false, "/a": false,
		"a/": false, "a@sha256:abc": false, "a@md5:" + strings.Repeat("0", 64): false, "a b": false, "a$(b)": false,
		"a\n": false, "-a": false, "a/-b": false, "a:-b": false, "a:" + strings.Repeat("b", 129): false,
		strings.Repeat("a", 256): false, "https://docker.io/a": false, "ünï": false,
	} {
		c := Container{Image: image}
		if got := len(c.mistakes()) == 0; got != good {
			t.Errorf("%.80q: accepted is %v, want %v", image, got, good)
		}
	}
}

func TestNameFrom(t *testing.T) {
	for from, want := range map[string]string{
		"echo": "echo", "My Service": "my-service", "../../etc": "etc", "123": "service", "3-tier": "tier",
		"": "service", "null": "service", "-a-": "a", "a__b": "a-b", "xn--a": "xn-a", "ab--c": "ab-c",
		strings.Repeat("a", 80): strings.Repeat("a", 40), strings.Repeat("a", 39) + "-b": strings.Repeat("a", 39),
		"$(reboot)": "reboot", "écho": "cho",
	} {
		if got := NameFrom(from); got != want {
			t.Errorf("NameFrom(%q) = %q, want %q", from, got, want)
		}
	}
}

func TestStarter(t *testing.T) {
	for _, name := range []string{"echo", "Not A Name!", ""} {
		s, err := parse("service.hcl", Starter(name), testOptions)
		if err != nil {
			t.Errorf("the starter for %q does not load:\n%v", name, err)
			continue
		}
		if s.Name != NameFrom(name) {
			t.Errorf("the starter for %q has the name %q", name, s.Name)
		}
	}
	// What stands in its comments must be right as well.
	source := string(Starter("echo"))
	native := strings.NewReplacer("    # native {", "native {", "    # gpu {", "gpu {", "    #   ", "", "    # }", "}",
		"    # arch ", "arch ", "  # disk {", "disk {", "  #   ", "", "  # }", "}").Replace(source)
	begin := strings.Index(native, "container {")
	end := strings.Index(native, "# ... or")
	native = native[:begin] + native[end:]
	native = strings.Replace(native, "64 hexadecimal digits, as sha256sum prints them", strings.Repeat("0", 64), 1)
	native = strings.Replace(native, "  # secrets", "  secrets", 1)
	s, err := parse("service.hcl", []byte(native), testOptions)
	if err != nil {
		t.Fatalf("the starter's comments do not load:\n%v\n%s", err, native)
	}
	if s.Source.Native == nil || s.Resources.GPU == nil || s.Resources.GPU.MemoryGB != 24 || s.Resources.Arch != "arm64" || s.Disk == nil || len(s.Secrets) != 1 {
		t.Errorf("the starter's comments were not taken in: %+v", s)
	}
}

// Services are stored and sent as JSON; nothing may be lost on the way.
func TestJSONRoundTrip(t *testing.T) {
	for _, want := range []*Service{container(), native()} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got := &Service{}
		if err := json.Unmarshal(text, got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestDiskPaths(t *testing.T) {
	for at, good := range map[string]bool{
		"/data": true, "/srv/data": true, "/mnt": true, "/var/lib/postgresql": true, "/home/data": true, "/opt/app/data": true, "/etcetera": true, "/a.b_c-d": true,
		"/": false, "/etc": false, "/etc/x": false, "/usr": false, "/proc/1": false, "/sys": false, "/dev/shm": false, "/run": false, "/boot": false,
		"/opt": false, "/opt/skysail": false, "/opt/skysail/x": false, "/home": false, "/home/skysail": false, "/var": false, "/var/lib": false,
		"/var/lib/skysail-echo": false, "/var/log": false, "/tmp": false, "/root": false, "/bin": false, "/lib64": false,
		"data": false, "": false, "/data/": false, "//data": false, "/data/../x": false, "/./data": false, "/da ta": false, "/data\n": false, "/dät": false, "/a:b": false,
	} {
		if got := len((&Disk{SizeGB: 1, Path: at}).mistakes()) == 0; got != good {
			t.Errorf("%q: accepted is %v, want %v", at, got, good)
		}
	}
}
