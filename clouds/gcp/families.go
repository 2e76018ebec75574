package gcp

// family is a machine series whose price can be put together. Series that are
// not here are left out: their SKUs are named otherwise, or their price has
// parts that the API does not tell (memory-optimized upgrades of m2, disks of
// z3).
type family struct {
	// sku is how the descriptions of its vCPU and memory begin: "N2 Instance
	// Core running in Americas", "N2 Instance Ram running in Americas".
	sku string
	// gpu says that its types have GPUs built in, which are priced apart.
	gpu bool
	arm bool
}

// families are as in build/mapping.csv of
// https://github.com/Cyclenerd/google-cloud-pricing-cost-calculator (2026-08),
// which maps the Catalog API's SKUs daily, and
// https://cloud.google.com/compute/all-pricing.
var families = map[string]family{
	"e2":  {sku: "E2 Instance"},
	"n1":  {sku: "N1 Predefined Instance"},
	"n2":  {sku: "N2 Instance"},
	"n2d": {sku: "N2D AMD Instance"},
	"n4":  {sku: "N4 Instance"},
	"n4a": {sku: "N4A Instance", arm: true},
	"n4d": {sku: "N4D Instance"},
	"t2a": {sku: "T2A Arm Instance", arm: true},
	"t2d": {sku: "T2D AMD Instance"},
	"c2":  {sku: "Compute optimized"},
	"c2d": {sku: "C2D AMD Instance"},
	"c3":  {sku: "C3 Instance"},
	"c3d": {sku: "C3D Instance"},
	"c4":  {sku: "C4 Instance"},
	"c4a": {sku: "C4A Arm Instance", arm: true},
	"c4d": {sku: "C4D Instance"},
	"m1":  {sku: "Memory-optimized Instance"},
	"m3":  {sku: "M3 Memory-optimized Instance"},
	"a2":  {sku: "A2 Instance", gpu: true},
	"a3":  {sku: "A3 Instance", gpu: true},
	"g2":  {sku: "G2 Instance", gpu: true},
	"g4":  {sku: "G4 Instance", gpu: true},
}

// accelerator is a GPU: how its SKU's description begins, and what it is.
type accelerator struct {
	sku      string
	model    string
	memoryGB float64
}

// accelerators are by the API's name of the type
// (https://docs.cloud.google.com/compute/docs/gpus). H200 and newer ones are
// sold with series that are not in families.
var accelerators = map[string]accelerator{
	"nvidia-l4":             {"Nvidia L4 GPU", "L4", 24},
	"nvidia-tesla-a100":     {"Nvidia Tesla A100 GPU", "A100", 40},
	"nvidia-a100-80gb":      {"Nvidia Tesla A100 80GB GPU", "A100", 80},
	"nvidia-h100-80gb":      {"Nvidia H100 80GB GPU", "H100", 80},
	"nvidia-h100-mega-80gb": {"Nvidia H100 80GB Mega GPU", "H100", 80},
	"nvidia-rtx-pro-6000":   {"RTX 6000 96GB", "RTX PRO 6000", 96},
}

// shared are the types that are sold a part of two vCPUs: that part is what
// is paid for, and all that a service can count on.
// https://docs.cloud.google.com/compute/docs/general-purpose-machines#e2-shared-core
var shared = map[string]float64{"e2-micro": 0.25, "e2-small": 0.5, "e2-medium": 1}

// localSSD are the series whose built-in local disks are of 375 GiB and priced
// as such.
var localSSD = map[string]bool{"a2": true, "a3": true, "c3": true, "c3d": true}

// partitionGB is the size of one of them.
const partitionGB = 375
