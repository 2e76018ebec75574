package spec

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"skysail/internal/hclfile"
	"skysail/internal/lazyregexp"
)

const (
	// maxDiskGB is 64 TiB, the most that any of the clouds makes.
	maxDiskGB   = 65536
	maxDiskPath = 255
)

var diskPath = lazyregexp.New(`^/[A-Za-z0-9._/-]*$`)

var (
	// systemFolders hold what an instance needs to run; a file system on one
	// of them would hide it. What is below them is free.
	systemFolders = []string{"/", "/home", "/media", "/opt", "/tmp", "/var", "/var/lib"}
	// systemTrees belong to the instance with all that is below them.
	systemTrees = []string{
		"/bin", "/boot", "/dev", "/etc", "/home/skysail", "/lib", "/lib32", "/lib64", "/libx32", "/lost+found", "/opt/skysail",
		"/proc", "/root", "/run", "/sbin", "/sys", "/usr", "/var/cache", "/var/lib/apt", "/var/lib/cloud", "/var/lib/dpkg",
		"/var/lib/systemd", "/var/lock", "/var/log", "/var/run", "/var/spool", "/var/tmp",
	}
)

func (d *Disk) mistakes() []mistake {
	if d == nil {
		return nil
	}
	var out []mistake
	if d.SizeGB < 1 || d.SizeGB > maxDiskGB {
		out = append(out, mistake{
			Path:    "disk.size_gb",
			Summary: "Invalid size of the disk",
			Detail:  fmt.Sprintf("A disk has between 1 and %d GiB, not {value}.", maxDiskGB),
			Value:   d.SizeGB,
			Hint:    "for no disk leave the disk block out",
		})
	}
	if m, ok := mountMistake(d.Path); ok {
		out = append(out, m)
	}
	return out
}

func mountMistake(at string) (mistake, bool) {
	m := mistake{Path: "disk.path", Summary: "Invalid path of the disk", Value: at, Hint: `for example "/data"`}
	clean := path.Clean(at)
	switch {
	case at == "":
		m.Detail = "The path is empty."
	case !strings.HasPrefix(at, "/"):
		m.Detail = "{value} is not absolute: it does not begin with a slash."
		if g := path.Clean("/" + at); diskPath.MatchString(g) && !systemPath(g) {
			m.Guess = fmt.Sprintf("did you mean %s?", hclfile.Quote(g))
		}
	case !diskPath.MatchString(at) || len(at) > maxDiskPath:
		m.Detail = fmt.Sprintf("{value} is no path that works as a mount point: it has letters, digits and . _ / -, at most %d.", maxDiskPath)
	case clean != at:
		m.Detail = "{value} is not written in the shortest way."
		m.Hint = "write it without ., .., // and a slash at the end"
		if !systemPath(clean) {
			m.Guess = fmt.Sprintf("did you mean %s?", hclfile.Quote(clean))
		}
	case systemPath(at):
		m.Detail = "{value} belongs to the instance: a disk there would hide what it needs to run."
		m.Hint = `take a path of its own, for example "/data" or "/srv/data"`
	default:
		return m, false
	}
	return m, true
}

func systemPath(at string) bool {
	// The homes of services are /var/lib/skysail-NAME.
	return slices.Contains(systemFolders, at) || strings.HasPrefix(at, "/var/lib/skysail") || slices.ContainsFunc(systemTrees, func(tree string) bool {
		return at == tree || strings.HasPrefix(at, tree+"/")
	})
}
