// Command cargo-tangle gives skysail's command line to cargo: `cargo tangle
// blueprint deploy tangle --remote` deploys the service of this folder. What
// is not skysail's goes to the next cargo-tangle on PATH.
package main

import (
	"context"
	"os"

	"skysail/cmd/internal/cli"
	"skysail/deploy"
)

func main() {
	deploy.RunHelper()
	os.Exit(cli.RunCargo(context.Background(), cli.Standard(), os.Args[1:]))
}
