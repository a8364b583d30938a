// Command finalize makes the report and ends the run.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/speech"
)

func main() { wire.Open().ServeStage(speech.Finalize) }
