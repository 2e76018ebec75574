package fleet

import (
	"time"

	"skysail/sandbox/world"
)

// expire ends the servers whose time is over, as their provider would.
func (f *Fleet) expire() {
	now := f.world.Now()
	if !anyExpired(f.world.State(), now) {
		return
	}
	err := f.world.Update(func(st *world.State) error {
		for _, s := range st.Servers {
			if !expired(s, now) {
				continue
			}
			f.opts.Log.Info("a server's time is over", "server", s.Key(), "name", s.Name)
			if s.ExpiryStops {
				s.Powered, s.Reboot, s.ExpiresAt = false, false, time.Time{}
			} else {
				s.Deleting = true
			}
		}
		return nil
	})
	if err != nil {
		f.opts.Log.Error("ending servers whose time is over", "err", err)
	}
}

func expired(s *world.Server, now time.Time) bool {
	return !s.Deleting && !s.ExpiresAt.IsZero() && !now.Before(s.ExpiresAt)
}

func anyExpired(st *world.State, now time.Time) bool {
	for _, s := range st.Servers {
		if expired(s, now) {
			return true
		}
	}
	return false
}
