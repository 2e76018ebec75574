package generator

// Pins are the exact versions of the Terraform providers that bundles use, by
// source address as "hashicorp/aws".
func Pins() map[string]string {
	out := make(map[string]string, len(providers))
	for _, p := range providers {
		out[p.source] = p.version
	}
	return out
}
