package vultr

import (
	"encoding/base64"
	"net/http"
	"time"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// part answers for something below an instance.
func (s *server) part(r *http.Request, show func(*world.Server) (reply, error)) (reply, error) {
	i := s.World.State().Server(provider, r.PathValue("id"))
	if i == nil {
		return reply{}, errInstancePart()
	}
	return show(i)
}

// backupSchedule is when backups are due, in UTC.
type backupSchedule struct {
	Type string `json:"type"`
	Hour int    `json:"hour"`
	Dow  int    `json:"dow"`
	Dom  int    `json:"dom"`
}

func (s *server) getBackupSchedule(_ http.ResponseWriter, r *http.Request) (reply, error) {
	return s.part(r, func(i *world.Server) (reply, error) {
		d := detailOf(i)
		return reply{http.StatusOK, map[string]any{"backup_schedule": map[string]any{
			"enabled": d.Backups, "type": d.Schedule.Type, "next_scheduled_time_utc": "",
			"hour": d.Schedule.Hour, "dow": d.Schedule.Dow, "dom": d.Schedule.Dom,
		}}}, nil
	})
}

func (s *server) setBackupSchedule(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in backupSchedule
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	err := s.World.Update(func(st *world.State) error {
		i := st.Server(provider, r.PathValue("id"))
		if i == nil {
			return errInstancePart()
		}
		d := detailOf(i)
		d.Schedule = in
		setDetail(i, d)
		return nil
	})
	return reply{status: http.StatusOK}, err
}

func (s *server) getUserData(_ http.ResponseWriter, r *http.Request) (reply, error) {
	return s.part(r, func(i *world.Server) (reply, error) {
		return reply{http.StatusOK, map[string]any{"user_data": map[string]string{
			"data": base64.StdEncoding.EncodeToString([]byte(i.UserData)),
		}}}, nil
	})
}

func (s *server) listIPv4(_ http.ResponseWriter, r *http.Request) (reply, error) {
	return s.part(r, func(i *world.Server) (reply, error) {
		var out []item
		if i.Booted {
			out = append(out, item{i.Seq, map[string]string{
				"ip": i.Address, "netmask": "255.0.0.0", "gateway": "127.0.0.1", "type": "main_ip", "reverse": "",
			}})
		}
		return page(r, "ipv4s", out)
	})
}

// listNone answers with an empty list: simulated instances have none of it.
func (s *server) listNone(name string) handler {
	return func(_ http.ResponseWriter, r *http.Request) (reply, error) {
		return s.part(r, func(*world.Server) (reply, error) { return page(r, name, nil) })
	}
}

func (s *server) getISO(_ http.ResponseWriter, r *http.Request) (reply, error) {
	return s.part(r, func(*world.Server) (reply, error) {
		return reply{http.StatusOK, map[string]any{"iso_status": map[string]string{"iso_id": "", "state": "ready"}}}, nil
	})
}

func (s *server) neighbors(_ http.ResponseWriter, r *http.Request) (reply, error) {
	return s.part(r, func(*world.Server) (reply, error) {
		return reply{http.StatusOK, map[string]any{"neighbors": []string{}}}, nil
	})
}

// bandwidth is what went through the instance's network by UTC day. What went
// before the daemon saw the instance counts for the day on which it first saw
// it; a day on which it did not look has no entry.
func (s *server) bandwidth(_ http.ResponseWriter, r *http.Request) (reply, error) {
	return s.part(r, func(i *world.Server) (reply, error) {
		type bytes struct {
			Incoming uint64 `json:"incoming_bytes"`
			Outgoing uint64 `json:"outgoing_bytes"`
		}
		days := map[string]bytes{}
		var before api.Usage
		for _, u := range s.Fleet.Usage(provider, i.ID) {
			day := u.At.UTC().Format(time.DateOnly)
			d := days[day]
			d.Incoming += u.ReceivedBytes - before.ReceivedBytes
			d.Outgoing += u.SentBytes - before.SentBytes
			days[day], before = d, u
		}
		return reply{http.StatusOK, map[string]any{"bandwidth": days}}, nil
	})
}
