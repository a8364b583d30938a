// Command vocabulary scores the candidate's vocabulary.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/engine/pipeline"
)

func main() { wire.Open().ServeStage(pipeline.Vocabulary) }
