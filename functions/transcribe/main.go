// Command transcribe turns a piece of a recording into words.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/speech"
)

func main() { wire.Open().ServeStage(speech.Transcribe) }
