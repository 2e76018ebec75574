package clouds

import "time"

// Names of what providers measure of an instance from outside. A provider
// that does not measure something has no reading of it: no reading is not 0.
const (
	// MetricCPU is the share of all vCPUs in use, 0 to 1.
	MetricCPU = "skysail_cloud_cpu_utilization_ratio"
	// MetricMemory is the share of memory in use, 0 to 1.
	MetricMemory = "skysail_cloud_memory_utilization_ratio"
	// MetricReceive and MetricTransmit are network traffic in bytes a second.
	MetricReceive  = "skysail_cloud_network_receive_bytes_per_second"
	MetricTransmit = "skysail_cloud_network_transmit_bytes_per_second"
	// MetricReceiveDay and MetricTransmitDay are bytes since midnight UTC, for
	// a provider that counts by day.
	MetricReceiveDay  = "skysail_cloud_network_receive_day_bytes"
	MetricTransmitDay = "skysail_cloud_network_transmit_day_bytes"
	// MetricLoad1 is the load average over one minute.
	MetricLoad1 = "skysail_cloud_load1"
)

// Measured is an instance whose metrics are asked for.
type Measured struct {
	// Name is the instance's name, ID what the provider's outputs call it.
	Name, ID string
	Region   string
	// VCPU is how many vCPUs the type has, for providers that count seconds.
	VCPU float64
}

// MetricsCost is what asking a provider for its measurements once takes.
type MetricsCost struct {
	Calls int
	USD   float64
	// Every is how often asking again makes sense, and is allowed.
	Every time.Duration
	// Limit says what bounds Every, where something but the resolution does.
	Limit string
}

// Reading is one value that a provider measured.
type Reading struct {
	Instance string // Measured.Name
	Name     string // one of the Metric constants
	Value    float64
	// At is the end of the span that the value is about, by the provider's
	// clock; clouds are minutes late.
	At time.Time
}
