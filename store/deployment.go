package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"skysail/internal/failure"
	"skysail/policies"
	"skysail/spec"
)

// Deployment is one service placed somewhere.
type Deployment struct {
	ID   string
	Name string
	// Role is what it is to its name, RoleCurrent but while it is replaced or
	// replaces another, which Replaces then names.
	Role     Role
	Replaces string
	// Revision is the number of its newest revision that was made, or that
	// it was created with; MadeBy, for Create, what made it and MadeNote what
	// there is to say of that.
	Revision int
	MadeBy   MadeBy
	MadeNote string
	Phase    Phase
	Reason   string // why it is in this phase, for a person
	Remote   bool
	Sandbox  bool
	Service  spec.Service
	Policy   policies.Policy
	Provider string // of the current attempt
	Region   string
	Type     string
	// PriceUSD is US dollars an hour for all instances of the current attempt.
	PriceUSD  float64
	Attempt   int // number of the current attempt, from 1
	CreatedAt time.Time
	UpdatedAt time.Time
	Instances []Instance
}

// Instance is one machine or process that an apply made.
type Instance struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Address string `json:"address"`
	SSHUser string `json:"ssh_user,omitempty"`
	SSHPort int    `json:"ssh_port,omitempty"`
	HostKey string `json:"host_key,omitempty"`
	// NextHostKey is set while the host key is being replaced: until that is
	// confirmed the instance may show either.
	NextHostKey string `json:"next_host_key,omitempty"`
	HealthURL   string `json:"health_url,omitempty"`
	Logs        string `json:"logs,omitempty"` // journald:UNIT or file:PATH
}

const deploymentColumns = `id, name, role, replaces, revision, phase, reason, remote, sandbox, service, policy,
	provider, region, type, price_usd, attempt, created_at, updated_at`

// Create records a new deployment in phase pending, and its revision. A live
// deployment of the same name and role is an input failure. Role and MadeBy
// are RoleCurrent and ByDeploy when they are empty; a deployment with
// RoleNext Replaces the current one, which must run.
func (s *Store) Create(ctx context.Context, d Deployment) error {
	return s.create(ctx, d, func(*sql.Tx) error { return nil })
}

// create is Create with more in its transaction.
func (s *Store) create(ctx context.Context, d Deployment, also func(*sql.Tx) error) error {
	if d.Role == "" {
		d.Role = RoleCurrent
	}
	if d.MadeBy == "" {
		d.MadeBy = ByDeploy
	}
	service, err := json.Marshal(d.Service)
	if err != nil {
		return err
	}
	policy, err := json.Marshal(d.Policy)
	if err != nil {
		return err
	}
	return s.transition(ctx, "phase:"+string(Pending), func(tx *sql.Tx) error {
		if err := free(ctx, tx, &d); err != nil {
			return err
		}
		if d.Revision, err = nextRevision(ctx, tx, d.Name); err != nil {
			return err
		}
		now := millis(s.now())
		if _, err := tx.ExecContext(ctx, `INSERT INTO deployments (id, name, role, replaces, revision, phase, remote, sandbox, service, policy, created_at, updated_at)
			VALUES (?,?,?,?,?,?,?,?,?,?,?,?)`, d.ID, d.Name, d.Role, d.Replaces, d.Revision, Pending, d.Remote, d.Sandbox, string(service), string(policy), now, now); err != nil {
			return err
		}
		if err := s.putRevision(ctx, tx, &Revision{
			N: d.Revision, Deployment: d.ID, MadeBy: d.MadeBy, Note: d.MadeNote, Service: d.Service, Policy: d.Policy,
		}); err != nil {
			return err
		}
		return also(tx)
	})
}

// free checks that a name has room for a deployment in its role.
func free(ctx context.Context, tx *sql.Tx, d *Deployment) error {
	if d.Role == RoleNext {
		var phase Phase
		err := tx.QueryRowContext(ctx, `SELECT phase FROM deployments WHERE name = ? AND id = ? AND role = ?`, d.Name, d.Replaces, RoleCurrent).Scan(&phase)
		if err == nil && phase != Running {
			err = &TransitionError{From: string(phase), To: "being replaced"}
		}
		return notFound(err)
	}
	var id, phase string
	err := tx.QueryRowContext(ctx, `SELECT id, phase FROM deployments WHERE name = ? AND phase NOT IN ('destroyed','failed')`, d.Name).Scan(&id, &phase)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return failure.New(failure.Input,
		fmt.Sprintf("a deployment named %q exists already (%s, %s)", d.Name, id, phase),
		"A name belongs to one deployment at a time; nothing was changed.",
		fmt.Sprintf("See it with `skysail status %s`, change it with `skysail update %s`, remove it with `skysail destroy %s`, or give the service another name.", d.Name, d.Name, d.Name))
}

// SetPhase moves a deployment to a phase and keeps the reason, with an event.
// A phase that the present one does not lead to is a *TransitionError.
func (s *Store) SetPhase(ctx context.Context, id string, phase Phase, reason string) error {
	return s.transition(ctx, "phase:"+string(phase), func(tx *sql.Tx) error {
		if err := move(ctx, tx, id, phase); err != nil {
			return err
		}
		// What failed or is destroyed before it was made has no revision that
		// is still being made.
		if phase.Ended() || phase == Stuck || phase == Destroying {
			if err := s.endRevisions(ctx, tx, id, OutcomeFailed, reason); err != nil {
				return err
			}
		}
		return s.phase(ctx, tx, id, phase, reason)
	})
}

// Register records the instances of a successful apply, replacing earlier
// ones, and moves the deployment to running in the same transaction.
func (s *Store) Register(ctx context.Context, id string, instances []Instance) error {
	return s.transition(ctx, "phase:"+string(Running), func(tx *sql.Tx) error {
		if err := move(ctx, tx, id, Running); err != nil {
			return err
		}
		if err := putInstances(ctx, tx, id, instances); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE revisions SET price_usd = (SELECT price_usd FROM deployments WHERE id = ?1)
			WHERE deployment_id = ?1 AND outcome = ''`, id); err != nil {
			return err
		}
		// A next one is made when it takes over: see Switch.
		var role Role
		if err := tx.QueryRowContext(ctx, `SELECT role FROM deployments WHERE id = ?`, id).Scan(&role); err != nil {
			return notFound(err)
		}
		if role != RoleNext {
			if err := s.endRevisions(ctx, tx, id, OutcomeDone, ""); err != nil {
				return err
			}
		}
		return s.phase(ctx, tx, id, Running, "")
	})
}

// PutInstances records the instances of an apply, replacing earlier ones, and
// leaves the phase as it is: they exist, but are not yet in service.
func (s *Store) PutInstances(ctx context.Context, id string, instances []Instance) error {
	return s.write(ctx, func(tx *sql.Tx) error { return putInstances(ctx, tx, id, instances) })
}

func putInstances(ctx context.Context, tx *sql.Tx, id string, instances []Instance) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM instances WHERE deployment_id = ?`, id); err != nil {
		return err
	}
	for _, i := range instances {
		if _, err := tx.ExecContext(ctx, `INSERT INTO instances (deployment_id, id, name, address, ssh_user, ssh_port, host_key, next_host_key, health_url, logs)
			VALUES (?,?,?,?,?,?,?,?,?,?)`, id, i.ID, i.Name, i.Address, i.SSHUser, i.SSHPort, i.HostKey, i.NextHostKey, i.HealthURL, i.Logs); err != nil {
			return err
		}
	}
	return nil
}

// Unregister removes the instances of a deployment, so that QoS forgets them.
func (s *Store) Unregister(ctx context.Context, id string) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM instances WHERE deployment_id = ?`, id)
		return err
	})
}

// Get returns the live deployment of that name, the current one before others,
// or the newest ended one, or the one with that ID, with its instances; else
// ErrNotFound.
func (s *Store) Get(ctx context.Context, nameOrID string) (Deployment, error) {
	ds, err := s.query(ctx, `WHERE name = ?1 OR id = ?1
		ORDER BY phase IN ('destroyed','failed'), role <> 'current', rowid DESC LIMIT 1`, nameOrID)
	if err != nil {
		return Deployment{}, err
	}
	if len(ds) == 0 {
		return Deployment{}, ErrNotFound
	}
	return ds[0], nil
}

// Named returns the live deployments of a name: the current one first, and
// the next or previous one while it is replaced.
func (s *Store) Named(ctx context.Context, name string) ([]Deployment, error) {
	return s.query(ctx, `WHERE name = ? AND phase NOT IN ('destroyed','failed') ORDER BY role <> 'current', created_at`, name)
}

// List returns deployments by name, the ended ones only when asked for, and of
// a name that is being replaced both: see Role.
func (s *Store) List(ctx context.Context, ended bool) ([]Deployment, error) {
	where := `WHERE phase NOT IN ('destroyed','failed') ORDER BY name, role <> 'current'`
	if ended {
		where = `ORDER BY name, created_at`
	}
	return s.query(ctx, where)
}

func (s *Store) query(ctx context.Context, where string, args ...any) ([]Deployment, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+deploymentColumns+` FROM deployments `+where, args...) //nolint:gosec // where is one of the constants above
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []Deployment
	for rows.Next() {
		var d Deployment
		var service, policy []byte
		var created, updated int64
		if err := rows.Scan(&d.ID, &d.Name, &d.Role, &d.Replaces, &d.Revision, &d.Phase, &d.Reason, &d.Remote, &d.Sandbox, &service, &policy,
			&d.Provider, &d.Region, &d.Type, &d.PriceUSD, &d.Attempt, &created, &updated); err != nil {
			return nil, s.writeError(err)
		}
		if err := errors.Join(json.Unmarshal(service, &d.Service), json.Unmarshal(policy, &d.Policy)); err != nil {
			return nil, fmt.Errorf("store %s: deployment %s: %w", s.path, d.ID, err)
		}
		d.CreatedAt, d.UpdatedAt = fromMillis(created), fromMillis(updated)
		out = append(out, d)
	}
	if err := rows.Err(); err != nil {
		return nil, s.writeError(err)
	}
	for i := range out {
		if out[i].Instances, err = s.instances(ctx, out[i].ID); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Store) instances(ctx context.Context, id string) ([]Instance, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, name, address, ssh_user, ssh_port, host_key, next_host_key, health_url, logs
		FROM instances WHERE deployment_id = ? ORDER BY name, id`, id)
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []Instance
	for rows.Next() {
		var i Instance
		if err := rows.Scan(&i.ID, &i.Name, &i.Address, &i.SSHUser, &i.SSHPort, &i.HostKey, &i.NextHostKey, &i.HealthURL, &i.Logs); err != nil {
			return nil, s.writeError(err)
		}
		out = append(out, i)
	}
	return out, s.writeError(rows.Err())
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// one turns an UPDATE that touched no row into ErrNotFound.
func one(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return ErrNotFound
}

func joinNonEmpty(a, b string) string {
	if b == "" {
		return a
	}
	return a + ": " + b
}

// CountPhases counts the deployments in each phase, ended ones as well.
func (s *Store) CountPhases(ctx context.Context) (map[string]int, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT phase, count(*) FROM deployments GROUP BY phase`)
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	out := map[string]int{}
	for rows.Next() {
		var phase string
		var n int
		if err := rows.Scan(&phase, &n); err != nil {
			return nil, s.writeError(err)
		}
		out[phase] = n
	}
	return out, s.writeError(rows.Err())
}

// Version is a number that changes whenever what List(ctx, false) returns has
// changed; it is cheap to ask for.
func (s *Store) Version(ctx context.Context) (int64, error) {
	var deployments, updated, instances int64
	err := s.db.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(updated_at), 0),
		(SELECT count(*) FROM instances i JOIN deployments d ON d.id = i.deployment_id WHERE d.phase NOT IN ('destroyed','failed'))
		FROM deployments WHERE phase NOT IN ('destroyed','failed')`).Scan(&deployments, &updated, &instances)
	return updated + deployments<<20 + instances<<40, s.writeError(err)
}
