// Command ingest decodes a recording, measures it and cuts it.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/engine/pipeline"
)

func main() { wire.Open().ServeStage(pipeline.Ingest) }
