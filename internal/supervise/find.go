package supervise

import (
	"slices"

	"skysail/internal/supervise/proc"
)

// FindByDeployment returns the pids of the running processes, supervisors
// among them, that were started for a deployment.
func FindByDeployment(id string) ([]int, error) {
	found, err := proc.WithEnv(EnvDeployment + "=" + id)
	if err != nil {
		return nil, err
	}
	pids := make([]int, len(found))
	for i, p := range found {
		pids[i] = p.PID
	}
	slices.Sort(pids)
	return pids, nil
}

// suspects returns the running processes that look like the program's own,
// because they are in the session or group of its last pid, but are not proved
// to be: that pid may have been given again.
func suspects(program proc.ID) ([]proc.Info, error) {
	if program.PID == 0 {
		return nil, nil
	}
	all, err := proc.List()
	if err != nil {
		return nil, err
	}
	leader, err := proc.Lookup(program.PID)
	if err == nil && leader.ID != program {
		// The pid is another's, and so is its group.
		return nil, nil
	}
	return slices.DeleteFunc(all, func(p proc.Info) bool {
		return p.Zombie || (p.SID != program.PID && p.PGID != program.PID)
	}), nil
}
