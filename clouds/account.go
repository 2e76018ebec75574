package clouds

import "strings"

// Account says whose credentials were found and where.
type Account struct {
	// Source is where they were found: "variable DIGITALOCEAN_TOKEN", "profile
	// default of ~/.aws/credentials", … It never holds a secret.
	Source string `json:"source"`
	// ID names the account, project or user as the provider does; empty until
	// the provider was asked.
	ID string `json:"id,omitempty"`
}

// Where names the place that a secret was found in, as Account.Source does: a
// file's path, or else a variable.
func Where(place string) string {
	if strings.ContainsRune(place, '/') {
		return "file " + place
	}
	return "variable " + place
}
