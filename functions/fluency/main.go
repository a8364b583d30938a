// Command fluency scores the candidate's fluency.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/engine/pipeline"
)

func main() { wire.Open().ServeStage(pipeline.Fluency) }
