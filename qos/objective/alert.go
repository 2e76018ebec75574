package objective

// Condition is what an alert's rule says now.
type Condition int

// The conditions. Unknown changes nothing.
const (
	Unknown Condition = iota
	No
	Yes
)

// Is is Yes or No.
func Is(yes bool) Condition {
	if yes {
		return Yes
	}
	return No
}

// State is where an alert stands.
//
//	inactive ─▶ firing ─▶ resolved
//	               ▲          │
//	               └──────────┘
type State string

// The states.
const (
	Inactive State = "inactive"
	Firing   State = "firing"
	Resolved State = "resolved"
)

// Next is the state that follows; the zero State is Inactive.
func (s State) Next(c Condition) State {
	switch {
	case c == Yes:
		return Firing
	case c == No && s == Firing:
		return Resolved
	case s == "":
		return Inactive
	}
	return s
}
