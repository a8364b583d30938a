// Command fluency scores the candidate's fluency.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/speech"
)

func main() { wire.Open().ServeStage(speech.Fluency) }
