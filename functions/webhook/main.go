// Command webhook tells clients' servers that their runs have ended.
package main

import "parley/functions/internal/wire"

func main() { wire.Open().ServeWebhooks() }
