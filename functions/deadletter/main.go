// Command deadletter ends runs whose messages were delivered too often.
package main

import "parley/functions/internal/wire"

func main() { wire.Open().ServeDead() }
