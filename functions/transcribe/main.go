// Command transcribe turns a piece of a recording into words.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/engine/pipeline"
)

func main() { wire.Open().ServeStage(pipeline.Transcribe) }
