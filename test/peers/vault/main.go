// Command vault is HashiCorp Vault's own command line and server, built from its published modules.
package main

import (
	"os"

	"github.com/hashicorp/vault/command"
)

func main() {
	os.Exit(command.Run(os.Args[1:]))
}
