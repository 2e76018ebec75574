package gcp

import (
	"encoding/json"
	"fmt"
	"regexp"
	"sync"
	"time"

	"google.golang.org/api/compute/v1"
)

// https://cloud.google.com/compute/docs/naming-resources, labeling-resources
const (
	nameForm = "(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)"
	maxItem  = 256 << 10 // bytes of one metadata value
)

var (
	nameMatch  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("^" + nameForm + "$") })
	labelKey   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$`) })
	labelValue = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$`) })
)

func checkName(field, name string) error {
	if !nameMatch().MatchString(name) {
		return invalid(field, name, "Must be a match of regex '"+nameForm+"'")
	}
	return nil
}

func checkLabels(labels map[string]string) error {
	for k, v := range labels {
		if !labelKey().MatchString(k) {
			return invalid("resource.labels", "", fmt.Sprintf("Label key '%s' violates format constraints. The key must start with a lowercase character, can only contain lowercase letters, numeric characters, underscores and dashes. The key can be at most 63 characters long. International characters are allowed.", k))
		}
		if !labelValue().MatchString(v) {
			return invalid("resource.labels", "", fmt.Sprintf("Label value '%s' violates format constraints. The value can only contain lowercase letters, numeric characters, underscores and dashes. The value can be at most 63 characters long. International characters are allowed.", v))
		}
	}
	return nil
}

func checkTags(tags *compute.Tags) error {
	if tags == nil {
		return nil
	}
	for n, t := range tags.Items {
		if err := checkName(fmt.Sprintf("resource.tags.items[%d]", n), t); err != nil {
			return err
		}
	}
	return nil
}

func checkMetadata(m *compute.Metadata) error {
	if m == nil {
		return nil
	}
	seen := map[string]bool{}
	for n, i := range m.Items {
		field := fmt.Sprintf("resource.metadata.items[%d]", n)
		switch {
		case seen[i.Key]:
			return invalid(field+".key", i.Key, "Metadata has duplicate keys.")
		case i.Value != nil && len(*i.Value) > maxItem:
			return invalid(field+".value", "", fmt.Sprintf("Metadata value size is %d bytes, which exceeds the limit of %d bytes.", len(*i.Value), maxItem))
		}
		seen[i.Key] = true
	}
	return nil
}

func metadataValue(m *compute.Metadata, key string) string {
	if m == nil {
		return ""
	}
	for _, i := range m.Items {
		if i.Key == key && i.Value != nil {
			return *i.Value
		}
	}
	return ""
}

// The words of the scheduling's fields.
const (
	spot      = "SPOT"
	standard  = "STANDARD"
	terminate = "TERMINATE"
	migrate   = "MIGRATE"
)

// checkScheduling compares the parts of a scheduling with one another.
// https://cloud.google.com/compute/docs/instances/create-use-spot and
// limit-vm-runtime
func checkScheduling(in *compute.Scheduling, gpu bool) error {
	if in == nil {
		in = &compute.Scheduling{}
	}
	value := func() string { b, _ := json.Marshal(in); return string(b) }
	restarts := in.AutomaticRestart == nil || *in.AutomaticRestart
	preempted := in.Preemptible || in.ProvisioningModel == spot
	switch {
	case preempted && in.AutomaticRestart != nil && restarts:
		return invalid("resource.scheduling", value(), "Scheduling must have preemptible be false when AutomaticRestart is true.")
	case preempted && in.OnHostMaintenance == migrate:
		return invalid("resource.scheduling.onHostMaintenance", migrate, "Preemptible instances must have onHostMaintenance set to TERMINATE.")
	case gpu && in.OnHostMaintenance != terminate:
		return badRequest("Instances with guest accelerators do not support live migration.")
	case in.InstanceTerminationAction != "" && in.InstanceTerminationAction != "DELETE" && in.InstanceTerminationAction != "STOP":
		return invalid("resource.scheduling.instanceTerminationAction", in.InstanceTerminationAction, "")
	case in.MaxRunDuration != nil && in.InstanceTerminationAction == "":
		return invalid("resource.scheduling", value(), "You must specify an instance termination action with a max run duration.")
	case in.MaxRunDuration == nil && in.InstanceTerminationAction != "" && !preempted:
		return invalid("resource.scheduling", value(), "You cannot specify a termination action for a VM instance that has the standard provisioning model (default).")
	case in.MaxRunDuration != nil && (in.MaxRunDuration.Seconds < 30 || in.MaxRunDuration.Seconds > 120*24*3600):
		return invalid("resource.scheduling.maxRunDuration.seconds", fmt.Sprint(in.MaxRunDuration.Seconds), "Must be between 30 seconds and 120 days.")
	case len(in.NodeAffinities) > 0:
		return lacking("sole-tenant nodes")
	}
	return nil
}

// withDefaults fills in what the API does.
func withDefaults(in *compute.Scheduling, gpu bool) *compute.Scheduling {
	out := compute.Scheduling{}
	if in != nil {
		out = *in
	}
	out.Preemptible = out.Preemptible || out.ProvisioningModel == spot
	if out.ProvisioningModel == "" {
		out.ProvisioningModel = standard
	}
	restarts := !out.Preemptible
	if out.AutomaticRestart != nil {
		restarts = *out.AutomaticRestart
	}
	out.AutomaticRestart = &restarts
	if out.OnHostMaintenance == "" {
		out.OnHostMaintenance = migrate
		if out.Preemptible || gpu {
			out.OnHostMaintenance = terminate
		}
	}
	out.ForceSendFields = []string{"Preemptible"}
	return &out
}

// expiry is when an instance that starts now has had its time, and whether it
// is only stopped then. Google counts from the start of the running; the
// simulated boot before it takes less than a second.
func expiry(in *compute.Scheduling, now time.Time) (at time.Time, stops bool) {
	if in == nil || in.MaxRunDuration == nil {
		return time.Time{}, false
	}
	return now.Add(time.Duration(in.MaxRunDuration.Seconds) * time.Second), in.InstanceTerminationAction == "STOP"
}
