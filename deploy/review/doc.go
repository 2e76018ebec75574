// Package review is the folder that people approve: the manifest of what is in
// it, the checks that nothing in it was changed, what may be shown of a plan,
// and the Markdown that reviewers read.
//
// It builds and checks; it runs no Terraform and knows no store.
//
//	DIR/PLAN.md                              for people
//	DIR/manifest.json                        every file's hash, and a hash over all
//	DIR/candidates/01-vultr-ewr-…/bundle/    the Terraform, with its lock file
//	DIR/candidates/01-vultr-ewr-…/plan.json  the plan without sensitive values
//	DIR/private/01-vultr-ewr-…/              0700: saved plan, keys
//	DIR/used.json                            written by the apply that used it
package review

// Names in the folder.
const (
	ManifestFile  = "manifest.json"
	PlanFile      = "PLAN.md"
	UsedFile      = "used.json"
	PlanJSONFile  = "plan.json"
	CandidatesDir = "candidates"
	PrivateDir    = "private"
	BundleDir     = "bundle"
)
