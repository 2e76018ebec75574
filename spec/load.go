package spec

import (
	"fmt"
	"math"

	"skysail/internal/hclfile"
)

var (
	containerSchema = &hclfile.Schema{What: "a container block", Attributes: []string{"image"}}
	nativeSchema    = &hclfile.Schema{What: "a native block", Attributes: []string{"url", "sha256", "binary", "args"}}
	sourceSchema    = &hclfile.Schema{
		What:   "a source block",
		Blocks: []hclfile.Block{{Type: "container", Schema: containerSchema}, {Type: "native", Schema: nativeSchema}},
	}
	gpuSchema       = &hclfile.Schema{What: "a gpu block", Attributes: []string{"count", "model", "memory_gb"}}
	resourcesSchema = &hclfile.Schema{
		What:       "a resources block",
		Attributes: []string{"cpu", "memory_gb", "storage_gb", "arch"},
		Blocks:     []hclfile.Block{{Type: "gpu", Schema: gpuSchema}},
	}
	diskSchema    = &hclfile.Schema{What: "a disk block", Attributes: []string{"size_gb", "path"}}
	portSchema    = &hclfile.Schema{What: "a port block", Attributes: []string{"number", "public"}}
	logFileSchema = &hclfile.Schema{What: "a log file block", Attributes: []string{"format"}}
	logRuleSchema = &hclfile.Schema{
		What:       "a log rule block",
		Attributes: []string{"match", "regex", "json", "logfmt", "metric", "labels", "value", "buckets", "max_series"},
	}
	retentionSchema = &hclfile.Schema{What: "a retention block", Attributes: []string{"size_mb", "days"}}
	logsSchema      = &hclfile.Schema{
		What: "a logs block",
		Blocks: []hclfile.Block{
			{Type: "file", Label: "path", Many: true, Path: "files", Schema: logFileSchema},
			{Type: "rule", Label: "name", Many: true, Path: "rules", Schema: logRuleSchema},
			{Type: "retention", Schema: retentionSchema},
		},
	}
	serviceSchema = &hclfile.Schema{
		What:       "a service block",
		Attributes: []string{"instances", "env", "secrets"},
		Blocks: []hclfile.Block{
			{Type: "source", Schema: sourceSchema},
			{Type: "resources", Schema: resourcesSchema},
			{Type: "port", Label: "name", Many: true, Path: "ports", Schema: portSchema},
			{Type: "health", Schema: healthSchema},
			{Type: "disk", Schema: diskSchema},
			{Type: "logs", Schema: logsSchema},
			{Type: "metrics", Schema: metricsSchema},
			{Type: "objective", Label: "name", Many: true, Path: "objectives", Schema: objectiveSchema},
		},
	}
	fileSchema = &hclfile.Schema{
		What:   "a service file",
		Blocks: []hclfile.Block{{Type: "service", Label: "name", Schema: serviceSchema}},
		Hints:  map[string]string{"policy": "a policy has a file of its own, which is given with --policy"},
	}
)

// Load reads and checks the service file at path, HCL or, when its name ends
// in .json, HCL-JSON. For a file that is wrong the error is an
// *hclfile.Error with every mistake in it.
func Load(path string) (*Service, error) {
	return load(path, hclfile.ParseOptions{})
}

func load(path string, opts hclfile.ParseOptions) (*Service, error) {
	opts.Kind = "service"
	f, err := hclfile.Parse(path, opts)
	if err != nil {
		return nil, err
	}
	return decode(f)
}

// parse is load for bytes that are at hand.
func parse(path string, src []byte, opts hclfile.ParseOptions) (*Service, error) {
	opts.Kind = "service"
	f, err := hclfile.ParseSource(path, src, opts)
	if err != nil {
		return nil, err
	}
	return decode(f)
}

func decode(f *hclfile.File) (*Service, error) {
	root := f.Root(fileSchema)
	root.RequireBlock("service", "`skysail init` writes a commented starter")
	block := root.Child("service")
	if block == nil {
		return nil, f.Err()
	}
	s := &Service{Name: block.Label, Instances: 1}
	// Secrets come first, since env() must not read one.
	block.Strings("secrets", &s.Secrets)
	f.RefuseEnv(s.Secrets)
	block.Map("env", &s.Env)
	decodeInstances(block, s)
	decodeSource(f, block, &s.Source)
	decodeResources(block, &s.Resources)
	decodePorts(block, &s.Ports)
	s.Health = decodeHealth(f, block)
	s.Disk = decodeDisk(block)
	s.Logs = decodeLogs(block)
	s.Metrics = decodeMetrics(block)
	s.Objectives = decodeObjectives(block)
	for _, m := range s.mistakes() {
		block.Report(m)
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

func decodeInstances(service *hclfile.Body, s *Service) {
	most := math.MinInt
	service.IntRange("instances", &s.Instances, &most)
	if most != math.MinInt {
		s.MaxInstances = most
	}
	// A service built by a program may say 0 for a fixed number.
	if most == 0 {
		service.Report(mistake{
			Path: "instances.max", Summary: "Invalid number of instances",
			Detail: fmt.Sprintf("A service has between 1 and %d instances, not {value}.", maxInstances), Value: most,
		})
	}
}

func decodeSource(f *hclfile.File, service *hclfile.Body, into *Source) {
	block := service.Child("source")
	if block == nil {
		return
	}
	if c := block.Child("container"); c != nil {
		into.Container = &Container{}
		c.String("image", &into.Container.Image)
		c.Require("image", `for example image = "docker.io/library/nginx:1.28"`)
	}
	if n := block.Child("native"); n != nil {
		into.Native = &Native{}
		n.String("url", &into.Native.URL)
		n.Require("url", "the address of a .tar.gz archive, or its path relative to this file")
		into.Native.URL = absoluteURL(f.Dir(), into.Native.URL)
		n.String("sha256", &into.Native.SHA256)
		n.Require("sha256", "`sha256sum ARCHIVE` prints it")
		into.Native.SHA256 = lowerHex(into.Native.SHA256)
		n.String("binary", &into.Native.Binary)
		n.Require("binary", "the path of the executable inside the archive")
		n.Strings("args", &into.Native.Args)
	}
}

func decodeResources(service *hclfile.Body, into *Resources) {
	service.RequireBlock("resources", "write it as resources { … } with cpu and memory_gb in it")
	block := service.Child("resources")
	if block == nil {
		return
	}
	block.Number("cpu", &into.CPU)
	block.Require("cpu", "the vCPUs that one instance needs, for example cpu = 1")
	block.Number("memory_gb", &into.MemoryGB)
	block.Require("memory_gb", "the GiB of memory that one instance needs, for example memory_gb = 2")
	block.Number("storage_gb", &into.StorageGB)
	block.String("arch", &into.Arch)
	if block.Has("arch") && into.Arch == "" {
		block.Report(archMistake("arch", into.Arch))
	}
	if g := block.Child("gpu"); g != nil {
		into.GPU = &GPU{Count: 1}
		g.Int("count", &into.GPU.Count)
		g.String("model", &into.GPU.Model)
		g.Number("memory_gb", &into.GPU.MemoryGB)
		// A service built by a program may say 0 for any; a file leaves it out.
		if g.Has("memory_gb") && into.GPU.MemoryGB == 0 {
			g.Report(hclfile.Mistake{
				Path: "memory_gb", Summary: "Invalid memory_gb", Detail: "A GPU has more than 0 GiB of memory.", Hint: "leave it out for any",
			})
		}
	}
}

func decodePorts(service *hclfile.Body, into *[]Port) {
	for _, block := range service.Children("port") {
		p := Port{Name: block.Label}
		block.Int("number", &p.Number)
		block.Require("number", "the TCP port on which the service listens, for example number = 8080")
		block.Bool("public", &p.Public)
		*into = append(*into, p)
	}
}

func decodeDisk(service *hclfile.Body) *Disk {
	block := service.Child("disk")
	if block == nil {
		return nil
	}
	d := &Disk{}
	block.Int("size_gb", &d.SizeGB)
	block.Require("size_gb", "the whole GiB of the disk, for example size_gb = 100")
	block.String("path", &d.Path)
	block.Require("path", `where the service finds it, for example path = "/data"`)
	return d
}
