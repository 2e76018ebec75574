package gcp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/api/compute/v1"

	"skysail/sandbox/world"
)

// opTime is how long a change takes that no machine has to follow: nothing in
// the cloud is done at once, and a client that believes so must fail here too.
const opTime = 100 * time.Millisecond

// target is what an operation changes. Zone and region are empty for what is
// global.
type target struct {
	zone, region string
	path         string // projects/…
	id           string
}

// linkBase begins all links.
const linkBase = "https://www.googleapis.com/compute/v1/"

func link(path string) string { return linkBase + path }

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05.000-07:00") }

// numeric is the API's form of an ID.
func numeric(id string) uint64 {
	n, _ := strconv.ParseUint(id, 10, 64) // made by NextNumericID
	return n
}

// begin records an operation. With a server it is done when the server is as
// its owner wants it; without one, opTime later.
func (s *server) begin(st *world.State, kind string, t target, follows *world.Server) *world.Action {
	id, seq := st.NextNumericID()
	now := s.World.Now()
	op := &compute.Operation{
		Kind: "compute#operation", Id: numeric(id), OperationType: kind, User: accountEmail,
		Name: fmt.Sprintf("operation-%d-%s", now.UnixMilli(), id), TargetLink: link(t.path), TargetId: numeric(t.id),
		InsertTime: stamp(now), StartTime: stamp(now),
	}
	where := "global"
	switch {
	case t.zone != "":
		where = "zones/" + t.zone
		op.Zone = link("projects/" + Project + "/" + where)
	case t.region != "":
		where = "regions/" + t.region
		op.Region = link("projects/" + Project + "/" + where)
	}
	op.SelfLink = link("projects/" + Project + "/" + where + "/operations/" + op.Name)
	a := &world.Action{Provider: provider, ID: op.Name, Seq: seq, Type: kind, Region: where, StartedAt: now}
	if follows != nil {
		a.ServerID = follows.ID
	} else {
		a.CompletedAt = now.Add(opTime)
	}
	setOperation(a, op)
	st.AddAction(a)
	return a
}

func operationOf(a *world.Action) *compute.Operation {
	var op compute.Operation
	_ = json.Unmarshal(a.Detail, &op) // written by setOperation
	return &op
}

func setOperation(a *world.Action, op *compute.Operation) {
	a.Detail, _ = json.Marshal(op) // strings and numbers only: cannot fail
}

// fail makes an operation end with an error soon.
func (s *server) fail(a *world.Action, e opError) {
	op := operationOf(a)
	op.HttpErrorStatusCode, op.HttpErrorMessage = e.status, e.text
	op.Error = &compute.OperationError{Errors: []*compute.OperationErrorErrors{{
		Code: e.code, Message: e.message, ErrorDetails: e.details,
	}}}
	setOperation(a, op)
	a.ServerID, a.CompletedAt = "", s.World.Now().Add(opTime)
}

// operationView is an operation as it stands now.
func (s *server) operationView(st *world.State, a *world.Action) *compute.Operation {
	op := operationOf(a)
	op.ForceSendFields = []string{"Progress"}
	failure := op.Error
	op.Error = nil
	code, text := op.HttpErrorStatusCode, op.HttpErrorMessage
	op.HttpErrorStatusCode, op.HttpErrorMessage = 0, ""
	done := !a.CompletedAt.IsZero() && !s.World.Now().Before(a.CompletedAt)
	ended := a.CompletedAt
	if a.ServerID != "" && !done {
		switch i := st.Server(provider, a.ServerID); {
		case i == nil:
			done, ended = true, s.World.Now()
		case i.Phase == world.Failed && i.Powered && !i.Deleting:
			e := errInternal()
			done, ended = true, s.World.Now()
			failure, code, text = &compute.OperationError{Errors: []*compute.OperationErrorErrors{{Code: e.code, Message: e.message}}}, e.status, e.text
		}
	}
	op.Status = "RUNNING"
	if done {
		op.Status, op.Progress, op.EndTime = "DONE", 100, stamp(ended)
		op.Error, op.HttpErrorStatusCode, op.HttpErrorMessage = failure, code, text
	}
	return op
}

// place is the part of a path that says where an operation is.
func place(r *http.Request) string {
	switch {
	case r.PathValue("zone") != "":
		return "zones/" + r.PathValue("zone")
	case r.PathValue("region") != "":
		return "regions/" + r.PathValue("region")
	}
	return "global"
}

func (s *server) getOperation(_ http.ResponseWriter, r *http.Request) (any, error) {
	st := s.World.State()
	a := findOperation(st, r)
	if a == nil {
		return nil, notFound("projects/" + Project + "/" + place(r) + "/operations/" + r.PathValue("name"))
	}
	return s.operationView(st, a), nil
}

func findOperation(st *world.State, r *http.Request) *world.Action {
	name := r.PathValue("name")
	for _, a := range st.Actions {
		if a.Provider == provider && a.Region == place(r) && (a.ID == name || fmt.Sprint(operationOf(a).Id) == name) {
			return a
		}
	}
	return nil
}

// waitTime is how long the API holds a call that waits for an operation at
// most. Google's limit is two minutes.
const waitTime = 2 * time.Minute

// waitOperation answers when the operation is done, or after waitTime with it
// as it is then.
func (s *server) waitOperation(_ http.ResponseWriter, r *http.Request) (any, error) {
	limit := time.NewTimer(waitTime)
	defer limit.Stop()
	for {
		op, err := s.getOperation(nil, r)
		if err != nil || op.(*compute.Operation).Status == "DONE" {
			return op, err
		}
		select {
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-limit.C:
			return op, nil
		case <-time.After(opTime):
		}
	}
}

func (s *server) listOperations(_ http.ResponseWriter, r *http.Request) (any, error) {
	st := s.World.State()
	var all []item
	for _, a := range st.Actions {
		if a.Provider == provider && a.Region == place(r) {
			all = append(all, item{a.Seq, s.operationView(st, a)})
		}
	}
	return page(r, "compute#operationList", all)
}

// opError is what an operation fails with.
type opError struct {
	code, message string
	status        int64
	text          string
	details       []*compute.OperationErrorErrorsErrorDetails
}

// errCapacity is a zone without room, in the words of
// https://cloud.google.com/compute/docs/troubleshooting/troubleshooting-resource-availability
func errCapacity(zone, machineType string) opError {
	return opError{
		code: "ZONE_RESOURCE_POOL_EXHAUSTED", status: http.StatusServiceUnavailable, text: "SERVICE UNAVAILABLE",
		message: fmt.Sprintf("The zone 'projects/%s/zones/%s' does not have enough resources available to fulfill the request.  Try a different zone, or try again later.", Project, zone),
		details: []*compute.OperationErrorErrorsErrorDetails{
			{LocalizedMessage: &compute.LocalizedMessage{Locale: "en-US", Message: fmt.Sprintf(
				"A %s VM instance is currently unavailable in the %s zone. Alternatively, you can try your request again with a different VM hardware configuration or at a later time. For more information, see the troubleshooting documentation.",
				machineType, zone)}},
			{Help: &compute.Help{Links: []*compute.HelpLink{{
				Description: "Troubleshooting documentation",
				Url:         "https://cloud.google.com/compute/docs/resource-error",
			}}}},
		},
	}
}

// quotaCPUs is the limit of a new project, by which the simulated quota speaks.
const quotaCPUs = 24

func errQuota(region string) opError {
	return opError{
		code: "QUOTA_EXCEEDED", status: http.StatusForbidden, text: "FORBIDDEN",
		message: fmt.Sprintf("Quota 'CPUS' exceeded.  Limit: %.1f in region %s.", float64(quotaCPUs), region),
		details: []*compute.OperationErrorErrorsErrorDetails{{QuotaInfo: &compute.QuotaExceededInfo{
			MetricName: "compute.googleapis.com/cpus", LimitName: "CPUS-per-project-region", Limit: quotaCPUs,
			Dimensions: map[string]string{"region": region},
		}}},
	}
}

func errInternal() opError {
	return opError{
		code: "INTERNAL_ERROR", status: http.StatusInternalServerError, text: "INTERNAL SERVER ERROR",
		message: "Internal error. Please try again or contact Google Support. (Code: 'skysail')",
	}
}
