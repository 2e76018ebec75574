package clouds

// Account says whose credentials were found and where.
type Account struct {
	// Source is where they were found: "variable DIGITALOCEAN_TOKEN", "profile
	// default of ~/.aws/credentials", … It never holds a secret.
	Source string `json:"source"`
	// ID names the account, project or user as the provider does; empty until
	// the provider was asked.
	ID string `json:"id,omitempty"`
}
