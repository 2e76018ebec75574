package aws

import (
	"fmt"
	"strings"
	"testing"

	"skysail/clouds"
	"skysail/clouds/faults"
)

func quota(value string) []answer {
	return []answer{{200, `{"Quota":{"QuotaCode":"L-1216C47A","QuotaName":"Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances","Value":` + value + `}}`, "application/x-amz-json-1.1"}}
}

// running are instances of "type vcpus [spot]".
func running(list ...string) []answer {
	s := "<reservationSet>"
	for n, i := range list {
		f := strings.Fields(i)
		life := ""
		if len(f) > 2 {
			life = "<instanceLifecycle>" + f[2] + "</instanceLifecycle>"
		}
		s += fmt.Sprintf("<item><instancesSet><item><instanceId>i-%d</instanceId><instanceType>%s</instanceType>%s<cpuOptions><coreCount>%s</coreCount><threadsPerCore>1</threadsPerCore></cpuOptions></item></instancesSet></item>", n, f[0], life, f[1])
	}
	return ok(s + "</reservationSet>")
}

func TestQuota(t *testing.T) {
	all := running("m7i.large 2", "t3.micro 2", "g6.xlarge 4", "p5.48xlarge 192", "c7g.large 2 spot")
	none := []answer{{400, `{"__type":"NoSuchResourceException","Message":"The request failed because the specified service does not exist."}`, "application/x-amz-json-1.1"}}
	for name, c := range map[string]struct {
		kind  string
		spot  bool
		value []answer
		code  string
		known bool
		fits  bool
		used  float64
	}{
		"room":             {"m7i.xlarge", false, quota("12.0"), "L-1216C47A", true, true, 4},
		"full":             {"m7i.xlarge", false, quota("11.0"), "L-1216C47A", true, false, 4},
		"GPUs":             {"g6e.xlarge", false, quota("8.0"), "L-DB2E81BA", true, false, 4},
		"larger GPUs":      {"p5.48xlarge", false, quota("0.0"), "L-417A185B", true, false, 192},
		"spot":             {"im4gn.large", true, quota("64.0"), "L-34B43A08", true, true, 2},
		"no value":         {"m7i.xlarge", false, none, "L-1216C47A", false, true, 0},
		"an unknown group": {"inf2.xlarge", false, quota("1"), "", false, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f, cloud := serve(t, map[string][]answer{"GetServiceQuota": c.value, "DescribeInstances": all})
			room, err := cloud.Quota(t.Context(), clouds.Want{Region: "us-east-2", Type: c.kind, Spot: c.spot, Count: 2, VCPU: 4})
			if err != nil {
				t.Fatal(err)
			}
			if room.Known() != c.known || room.Fits() != c.fits || room.Used != c.used {
				t.Errorf("%+v", room)
			}
			if c.known && (room.Need != 8 || room.Scope != faults.ScopeRegion || !strings.Contains(room.Limit, c.code)) {
				t.Errorf("%+v", room)
			}
			if c.code == "" {
				return
			}
			if asked := f.bodies["GetServiceQuota"]; len(asked) != 1 || !strings.Contains(asked[0], c.code) || f.count("servicequotas:GetServiceQuota us-east-2") != 1 {
				t.Errorf("asked %v, calls %v", asked, f.calls)
			}
		})
	}
	_, cloud := serve(t, map[string][]answer{"GetServiceQuota": {{400, `{"__type":"AccessDeniedException","Message":"no"}`, "application/x-amz-json-1.1"}}})
	if _, err := cloud.Quota(t.Context(), clouds.Want{Region: "us-east-2", Type: "m7i.large", Count: 1, VCPU: 2}); err == nil || !strings.Contains(err.Error(), "aws-policy.json") {
		t.Errorf("a refusal: %v", err)
	}
}
