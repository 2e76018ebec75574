// Command skysail runs a service on whichever cloud will take it, and watches
// it.
package main

import (
	"context"
	"os"

	"skysail/cmd/internal/cli"
	"skysail/deploy"
)

func main() {
	deploy.RunHelper()
	os.Exit(cli.Run(context.Background(), cli.Standard(), os.Args[1:]))
}
