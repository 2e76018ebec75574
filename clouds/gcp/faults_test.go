package gcp

import (
	"testing"

	"skysail/clouds"
	"skysail/clouds/faults"
)

func TestFaults(t *testing.T) {
	table := New(clouds.MapEnv(nil)).Faults()
	for _, c := range []struct {
		text string
		want faults.Class
	}{
		{"Error waiting for instance to create: The zone 'projects/p/zones/us-central1-a' does not have enough resources available to fulfill the request.  Try a different zone, or try again later.\n", faults.Capacity},
		{"The zone 'projects/p/zones/us-central1-b' does not have enough resources available to fulfill the request.  '(resource type:compute)'.\n\nA n1-standard-4 VM instance with 1 nvidia-tesla-t4 accelerator(s) is currently unavailable in the us-central1-b zone. Consider trying your request in the us-central1-a, us-central1-f zone(s), which currently has capacity to accommodate your request.\n", faults.Capacity},
		{"A e2-standard-2 VM instance is currently unavailable in the europe-west4-a zone. Alternatively, you can try your request again with a different VM hardware configuration or at a later time.", faults.Capacity},
		{`Error creating instance: googleapi: Error 503: The zone 'projects/p/zones/us-east1-c' does not have enough resources available to fulfill the request, backendError`, faults.Capacity},
		{`Error creating instance: googleapi: Error 400: Invalid value for field 'resource.machineType': 'zones/europe-west8-a/machineTypes/f1-micro'. Machine type with name 'f1-micro' does not exist in zone 'europe-west8-a'., invalid`, faults.Capacity},
		{`The resource 'projects/p/zones/us-west1-b/acceleratorTypes/nvidia-tesla-p4' was not found`, faults.Capacity},
		{"Error waiting for instance to create: Quota 'CPUS_PER_VM_FAMILY' exceeded.  Limit: 176.0 in region us-central1.\n\tmetric name = compute.googleapis.com/cpus_per_vm_family\n\tlimit name = CPUS-PER-VM-FAMILY-per-project-region\n\tlimit = 176\n\tdimensions = map[region:us-central1 vm_family:H3]\n", faults.Quota},
		{`Quota 'GPUS_ALL_REGIONS' exceeded.  Limit: 0.0 globally.`, faults.Quota},
		{`Error creating Firewall: googleapi: Error 403: Quota 'FIREWALLS' exceeded.  Limit: 100.0 globally., quotaExceeded`, faults.Quota},
		{`Error creating instance: googleapi: Error 403: Quota exceeded for quota group 'ReadGroup' and limit 'Read requests per user per 100 seconds' of service 'compute.googleapis.com' for consumer 'project_number:123456'., rateLimitExceeded`, faults.Transient},
		{`googleapi: Error 403: Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service 'compute.googleapis.com' for consumer 'project_number:1'.`, faults.Transient},
		{`Error creating Firewall: googleapi: Error 403: Compute Engine API has not been used in project 406281436678 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/compute.googleapis.com/overview?project=406281436678 then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry., accessNotConfigured`, faults.NotEnabled},
		{"googleapi: Error 403: Your application is authenticating by using local Application Default Credentials. The compute.googleapis.com API requires a quota project, which is not set by default.\nDetails:\n[\n  {\n    \"reason\": \"SERVICE_DISABLED\"\n  }\n]", faults.NotEnabled},
		{`googleapi: Error 403: This API method requires billing to be enabled. Please enable billing on project #1 by visiting https://console.developers.google.com/billing/enable?project=1 then retry., forbidden`, faults.NotEnabled},
		{`Error creating Firewall: googleapi: Error 404: The resource 'projects/p/global/networks/default' was not found, notFound`, faults.NotEnabled},
		{`Error creating instance: googleapi: Error 403: Required 'compute.instances.create' permission for 'projects/p/zones/us-central1-b/instances/i', forbidden`, faults.Auth},
		{`googleapi: Error 412: Constraint constraints/compute.vmExternalIpAccess violated for project 111111111111. Add instance projects/p/zones/europe-west3-c/instances/i to the constraint to use external IP with it., conditionNotMet`, faults.Auth},
		{"Get \"https://compute.googleapis.com/compute/v1/projects/p\": oauth2: cannot fetch token: 400 Bad Request\nResponse: {\n  \"error\": \"invalid_grant\",\n  \"error_description\": \"Bad Request\"\n}", faults.Auth},
		{`Post "https://compute.googleapis.com/compute/v1/projects/p/global/firewalls": oauth2: "invalid_grant" "Invalid JWT Signature."`, faults.Auth},
		{`Error creating Firewall: googleapi: Error 401: Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.`, faults.Auth},
		{"Attempted to load application default credentials since neither `credentials` nor `access_token` was set in the provider block.  No credentials loaded.", faults.Auth},
		{`project: required field is not set`, faults.Auth},
		{`googleapi: Error 409: The resource 'projects/p/global/firewalls/skysail-d4k2m9x7qpb1-closed' already exists, alreadyExists`, faults.Transient},
		{`googleapi: Error 400: The resource 'projects/p/global/networks/default' is not ready, resourceNotReady`, faults.Transient},
		{`Error creating instance: googleapi: Error 503: The service is currently unavailable., backendError`, faults.Transient},
		{"Error waiting for instance to create: Internal error. Please try again or contact Google Support. (Code: '64E1BB5CF4AA9')\n", faults.Transient},
		{`googleapi: got HTTP response code 502 with body: <html>`, faults.Transient},
		{`Error creating instance: googleapi: Error 400: Invalid value for field 'resource.name': 'A'. Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)', invalid`, faults.Invalid},
		{`Error creating Disk: googleapi: Error 400: Disk size cannot be smaller than 10 GB., badRequest`, faults.Invalid},
		{`Error creating instance: googleapi: Error 404: The resource 'projects/ubuntu-os-cloud/global/images/family/ubuntu-9904' was not found, notFound`, faults.Invalid},
		// From the common rules.
		{`Error waiting for instance to create: timeout while waiting for state to become 'DONE' (last state: 'RUNNING', timeout: 20m0s)`, faults.Timeout},
		{`Error acquiring the state lock`, faults.Busy},
		{`Resource precondition failed: zone must be one of region`, faults.Invalid},
		// Unknown stays unknown.
		{`Error waiting for instance to create: Something that nobody has seen yet`, faults.Unknown},
		{`googleapi: Error 412: Something that nobody has seen yet, conditionNotMet`, faults.Unknown},
	} {
		if got := table.Classify(c.text); got != c.want {
			t.Errorf("%s\n  is %s, want %s", c.text, got, c.want)
		}
	}
	for _, r := range table {
		if r.Source == "" {
			t.Errorf("rule %s names no source", r.Pattern)
		}
	}
}
