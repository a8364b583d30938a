// Command finalize makes the report and ends the run.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/engine/pipeline"
)

func main() { wire.Open().ServeStage(pipeline.Finalize) }
