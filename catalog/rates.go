package catalog

// Rates are what a provider takes beside the instance type's own price. A cap
// that leaves them out is no cap.
type Rates struct {
	Provider string `json:"provider"`
	// DiskUSD is US dollars an hour for one GiB of disk that an offer's price
	// does not include: boot disks where Offer.DiskGB is 0, and data disks.
	DiskUSD float64 `json:"disk_usd_gib_hour"`
	// AddressUSD is US dollars an hour for an instance's public IPv4 address,
	// 0 where it is part of the price.
	AddressUSD float64 `json:"address_usd_hour"`
	// Source is the public page or API the rates are from.
	Source string `json:"source"`
	// AsOf is the day the source stated them, YYYY-MM-DD.
	AsOf string `json:"as_of"`
}

// MinBootDiskGB is the smallest boot disk that we make where the size is ours
// to choose: images with GPU drivers need more, see BootDiskGB.
const MinBootDiskGB = 20

// minGPUBootDiskGB holds the images with CUDA and drivers.
const minGPUBootDiskGB = 80

// BootDiskGB is the size in GiB of the boot disk for a service that asks for
// that much storage on the offer: 0 when the offer has a disk of its own.
func (o *Offer) BootDiskGB(storage float64) int {
	if o.DiskGB > 0 {
		return 0
	}
	least := MinBootDiskGB
	if o.GPU != nil {
		least = minGPUBootDiskGB
	}
	size := int(storage)
	if float64(size) < storage {
		size++
	}
	return max(size, least)
}
