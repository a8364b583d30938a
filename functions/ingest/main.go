// Command ingest decodes a recording, measures it and divides it into pieces.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/speech"
)

func main() { wire.Open().ServeStage(speech.Ingest) }
