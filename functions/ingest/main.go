// Command ingest decodes a recording, measures it and cuts it.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/speech"
)

func main() { wire.Open().ServeStage(speech.Ingest) }
