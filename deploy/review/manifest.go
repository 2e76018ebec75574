package review

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"skysail/internal/failure"
	"skysail/policies"
	"skysail/selector"
	"skysail/spec"
)

// Version is the manifest's version that this program writes and reads.
const Version = 1

// Manifest says what a folder holds and what was approved with it.
type Manifest struct {
	Version int    `json:"version"`
	Name    string `json:"name"`
	ID      string `json:"id"`
	// Installation tells the stores of two machines apart.
	Installation string `json:"installation"`
	Sandbox      bool   `json:"sandbox"`
	Remote       bool   `json:"remote"`
	// CreatedAt is when it was planned, UTC, whole seconds.
	CreatedAt time.Time `json:"created_at"`
	Skysail   string    `json:"skysail"` // its version
	Engine    string    `json:"engine"`  // Terraform or OpenTofu, with its version
	// SSHFrom may open SSH connections; where the policy says nothing it is
	// the address of the machine that planned.
	SSHFrom    []string           `json:"ssh_from"`
	Rule       selector.Rule      `json:"rule"`
	Why        string             `json:"why"`
	Service    spec.Service       `json:"service"`
	Policy     policies.Policy    `json:"policy"`
	Candidates []Entry            `json:"candidates"` // in the order in which they are tried
	Refused    []selector.Refusal `json:"refused"`
	// Fitting is how many candidates the selection had, in this folder or not.
	Fitting int `json:"fitting"`
	// Files are the SHA-256 sums of all files of the folder but the manifest
	// and UsedFile, by path with slashes.
	Files map[string]string `json:"files"`
	// Hash is the SHA-256 sum of this manifest without it.
	Hash string `json:"hash"`
}

// Entry is one candidate of a manifest.
type Entry struct {
	N         int                `json:"n"`
	Folder    string             `json:"folder"` // its name in CandidatesDir and PrivateDir
	Candidate selector.Candidate `json:"candidate"`
	Changes   []Change           `json:"changes"`
	Openings  []Opening          `json:"openings"`
	// Verdict is what the guardrails said; nil when none were asked.
	Verdict *Verdict `json:"verdict,omitempty"`
	// Problem is why there is no plan of it; such a one is not applied.
	Problem string `json:"problem,omitempty"`
}

// Change is one thing that a plan would do.
type Change struct {
	Action  string `json:"action"` // create, update, delete, replace
	Address string `json:"address"`
	Type    string `json:"type"`
}

// Opening is a port that the plan opens to the outside.
type Opening struct {
	Port string   `json:"port"` // a number, a range, or "all"
	From []string `json:"from"`
}

// Verdict is what guardrails say of a plan. One denial keeps the candidate
// from being applied.
type Verdict struct {
	Deny []string `json:"deny,omitempty"`
	Warn []string `json:"warn,omitempty"`
}

// Refusal says why the candidate is not applied; empty when it is.
func (e *Entry) Refusal() string {
	switch {
	case e.Problem != "":
		return "it could not be planned: " + e.Problem
	case e.Verdict != nil && len(e.Verdict.Deny) > 0:
		return "the guardrails deny it: " + join(e.Verdict.Deny)
	default:
		return ""
	}
}

// Approved are the candidates that an apply may try, in order.
func (m *Manifest) Approved() []Entry {
	var out []Entry
	for _, e := range m.Candidates {
		if e.Refusal() == "" {
			out = append(out, e)
		}
	}
	return out
}

// MaxUSD is the most that an approved candidate costs an hour.
func (m *Manifest) MaxUSD() float64 {
	most := 0.0
	for _, e := range m.Approved() {
		most = max(most, e.Candidate.TotalUSD)
	}
	return most
}

// Encode seals the manifest and returns its file.
func (m *Manifest) Encode() ([]byte, error) {
	h, err := m.sum()
	if err != nil {
		return nil, err
	}
	m.Hash = h
	return m.bytes()
}

func (m *Manifest) sum() (string, error) {
	c := *m
	c.Hash = ""
	b, err := c.bytes()
	if err != nil {
		return "", err
	}
	return Sum(b), nil
}

func (m *Manifest) bytes() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return b.Bytes(), nil
}

// Sum is the SHA-256 sum of a file's bytes in hex.
func Sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// Decode reads a manifest. It takes only the very bytes that Encode writes:
// JSON leaves room for two readings of one file (the same key twice, in two
// cases), and what is approved must have one. Errors are input failures that
// name the file.
func Decode(file string, b []byte) (*Manifest, error) {
	var head struct {
		Version *int   `json:"version"`
		Skysail string `json:"skysail"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, refused(fmt.Sprintf("%s is no manifest: %v", file, err), "It is damaged or was cut off.")
	}
	switch {
	case head.Version == nil:
		return nil, refused(file+" has no version", "It is no manifest of skysail.")
	case *head.Version > Version:
		return nil, failure.New(failure.Input, fmt.Sprintf("%s has version %d, this skysail knows %d", file, *head.Version, Version),
			"A newer skysail wrote it; nothing was changed.", "Use that skysail, or plan again with this one.")
	case *head.Version != Version:
		return nil, refused(fmt.Sprintf("%s has version %d", file, *head.Version), "There was no such version.")
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, refused(fmt.Sprintf("%s can not be read: %v", file, err), "It is damaged, or was changed after the plan.")
	}
	for _, e := range m.Candidates {
		if e.Candidate.Offer == nil {
			return nil, refused(fmt.Sprintf("%s: candidate %d has no offer", file, e.N), "It was changed after the plan.")
		}
	}
	again, err := m.bytes()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, b) {
		return nil, refused(file+" is not as skysail writes it",
			fmt.Sprintf("It was changed after the plan, or another skysail (%s) planned it.", head.Skysail))
	}
	if h, err := m.sum(); err != nil || h != m.Hash {
		return nil, refused(fmt.Sprintf("%s: its hash is %.12s…, that of its contents %.12s…", file, m.Hash, h), "It was changed after the plan.")
	}
	return &m, m.check(file)
}

// refused is the failure for a folder that is not what was planned.
func refused(cause, meaning string) *failure.Error {
	return failure.New(failure.Input, cause, meaning+" Nothing was changed.", "Plan again with `skysail plan --out`, and have that reviewed.")
}
