// Command diarize finds who speaks when.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/speech"
)

func main() { wire.Open().ServeStage(speech.Diarize) }
