package gcp

import (
	"math"
	"slices"
	"strings"

	"skysail/sandbox/api"
)

// family is a series of machine types whose price is that of its parts. sku is
// how the descriptions of its vCPU and memory begin, as in the Cloud Billing
// Catalog API.
type family struct{ name, sku string }

// https://cloud.google.com/compute/all-pricing and the SKUs of
// https://cloud.google.com/skus/sku-groups/compute-engine
var families = []family{
	{"e2", "E2 Instance"},
	{"n1", "N1 Predefined Instance"},
	{"n2", "N2 Instance"},
	{"n2d", "N2D AMD Instance"},
	{"n4", "N4 Instance"},
	{"n4a", "N4A Instance"},
	{"n4d", "N4D Instance"},
	{"t2a", "T2A Arm Instance"},
	{"t2d", "T2D AMD Instance"},
	{"c2", "Compute optimized"},
	{"c2d", "C2D AMD Instance"},
	{"c3", "C3 Instance"},
	{"c3d", "C3D Instance"},
	{"c4", "C4 Instance"},
	{"c4a", "C4A Arm Instance"},
	{"c4d", "C4D Instance"},
	{"m1", "Memory-optimized Instance"},
	{"m3", "M3 Memory-optimized Instance"},
	{"a2", "A2 Instance"},
	{"a3", "A3 Instance"},
	{"g2", "G2 Instance"},
	{"g4", "G4 Instance"},
}

// gpuSKUs are how the descriptions of GPUs begin, by accelerator type.
var gpuSKUs = map[string]string{
	"nvidia-l4": "Nvidia L4 GPU", "nvidia-tesla-a100": "Nvidia Tesla A100 GPU", "nvidia-a100-80gb": "Nvidia Tesla A100 80GB GPU",
	"nvidia-h100-80gb": "Nvidia H100 80GB GPU", "nvidia-rtx-pro-6000": "RTX 6000 96GB",
}

// sharedCPU is the part of their vCPUs that is sold of these types.
var sharedCPU = map[string]float64{"e2-micro": 0.25, "e2-small": 0.5, "e2-medium": 1}

// partitionGB is the size of one local SSD.
const partitionGB = 375

// ssdMonthUSD is the list price of a GiB of local SSD for a month in most of
// the US (https://cloud.google.com/compute/disks-image-pricing). A type's
// local SSDs grow with its GPUs: how much of the sum is theirs can be chosen.
const (
	ssdMonthUSD = 0.08
	monthHours  = 730
)

// localSSDs is how many come with a type.
// https://cloud.google.com/compute/docs/gpus#a100-gpus and #h100-gpus
func localSSDs(z *api.Size) int {
	switch {
	case z.GPU == nil:
		return 0
	case strings.HasPrefix(z.Name, "a2-ultragpu-"):
		return z.GPU.Count
	case strings.HasPrefix(z.Name, "a3-"):
		return 2 * z.GPU.Count
	}
	return 0
}

// parts are what a family's types are made of in one region: the price of a
// vCPU, of a GiB of memory, and of each kind of GPU.
type parts struct {
	core, memory float64
	gpus         map[string]float64
}

// partsOf takes the prices of a family's types apart. Where all types of a
// family have the same ratio of vCPU to memory to GPUs, many splits have the
// same sums; the one nearest to what Google's families have in common is taken.
func partsOf(sizes []api.Size, f family, region string, spot bool) (parts, bool) {
	kinds := []string{} // of GPUs
	var rows [][]float64
	var sums []float64
	for i := range sizes {
		z := &sizes[i]
		series, _, _ := strings.Cut(z.Name, "-")
		usd := z.Price(region).USD
		if spot {
			usd = z.Price(region).SpotUSD
		}
		if series != f.name || !z.In(region) || usd <= 0 {
			continue
		}
		vcpu := float64(z.VCPU)
		if part, ok := sharedCPU[z.Name]; ok {
			vcpu = part
		}
		row := []float64{vcpu, float64(z.MemoryMB) / 1024}
		if z.GPU != nil {
			kind := acceleratorType(z.GPU)
			if !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
			row = append(row, make([]float64, 2+len(kinds)-len(row))...)
			row[2+slices.Index(kinds, kind)] = float64(z.GPU.Count)
		}
		rows = append(rows, row)
		sums = append(sums, usd-float64(localSSDs(z)*partitionGB)*ssdHour(spot))
	}
	if len(rows) == 0 {
		return parts{}, false
	}
	x := fit(rows, sums, append([]float64{typicalCore, typicalMemory}, repeat(typicalGPU, len(kinds))...))
	out := parts{core: x[0], memory: x[1], gpus: map[string]float64{}}
	for i, kind := range kinds {
		out.gpus[kind] = x[2+i]
	}
	return out, true
}

// ssdHour is what a GiB of local SSD costs an hour. Of a spot price its part
// is taken as large as the whole price is small.
func ssdHour(spot bool) float64 {
	usd := ssdMonthUSD / monthHours
	if spot {
		usd *= spotPart
	}
	return nano(usd)
}

// About what a vCPU, a GiB of memory and a GPU cost in US dollars an hour
// (E2 and L4 in us-central1), and how a spot price is to the other: only
// their ratios matter, and only where the prices leave a choice.
const (
	typicalCore   = 0.022
	typicalMemory = 0.003
	typicalGPU    = 0.56
	spotPart      = 0.4
)

func repeat(v float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func nano(usd float64) float64 { return math.Round(usd*1e9) / 1e9 }

// ridge is how weakly the typical prices pull.
const ridge = 1e-10

// fit finds prices x of parts so that each row's parts cost its sum, by least
// squares of the relative errors, and where that leaves a choice in the ratio
// of the typical prices.
func fit(rows [][]float64, sums, typical []float64) []float64 {
	n := len(typical)
	a := make([][]float64, n)
	for i := range a {
		a[i] = make([]float64, n+1)
	}
	var scaled [][]float64
	dot, square := 0.0, 0.0
	for i, row := range rows {
		r := make([]float64, n)
		all := 0.0
		for j := range row {
			r[j] = row[j] * typical[j] / sums[i]
			all += r[j]
		}
		dot, square = dot+all, square+all*all
		scaled = append(scaled, r)
	}
	for _, r := range scaled {
		for i := range n {
			for j := range n {
				a[i][j] += r[i] * r[j]
			}
			a[i][n] += r[i]
		}
	}
	for i := range n {
		a[i][i] += ridge
		a[i][n] += ridge * dot / square
	}
	x := solve(a)
	for i := range x {
		x[i] = nano(x[i] * typical[i])
	}
	return x
}

// solve solves a system of linear equations, of which each row ends with its
// right side, by elimination. The ridge keeps it from having no solution.
func solve(a [][]float64) []float64 {
	n := len(a)
	for c := range n {
		best := c
		for r := c + 1; r < n; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[best][c]) {
				best = r
			}
		}
		a[c], a[best] = a[best], a[c]
		for r := c + 1; r < n; r++ {
			f := a[r][c] / a[c][c]
			for k := c; k <= n; k++ {
				a[r][k] -= f * a[c][k]
			}
		}
	}
	x := make([]float64, n)
	for r := n - 1; r >= 0; r-- {
		x[r] = a[r][n]
		for k := r + 1; k < n; k++ {
			x[r] -= a[r][k] * x[k]
		}
		x[r] /= a[r][r]
	}
	return x
}
