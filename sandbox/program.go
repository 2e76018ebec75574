package sandbox

import (
	"os"
	"time"
)

// program is the executable a daemon runs, as it was when the daemon started.
type program struct {
	Path    string    `json:"path"`
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mod_time"`
}

func ownProgram() (program, error) {
	path, err := os.Executable()
	if err != nil {
		return program{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return program{}, err
	}
	return program{Path: path, Size: info.Size(), ModTime: info.ModTime().UTC()}, nil
}

// replaced says whether there is another program at the path now. Programs at
// other paths do not matter: skysail, cargo-tangle and whatever embeds the
// library share one daemon.
func (p program) replaced() bool {
	info, err := os.Stat(p.Path)
	return err != nil || info.Size() != p.Size || !info.ModTime().Equal(p.ModTime)
}
