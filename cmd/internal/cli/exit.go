package cli

import "fmt"

// exitWith ends the program with a status and no error text.
type exitWith struct{ status int }

func (e *exitWith) Error() string { return fmt.Sprintf("exit status %d", e.status) }
