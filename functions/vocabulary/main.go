// Command vocabulary scores the candidate's vocabulary.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/pipeline"
)

func main() { wire.Open().ServeStage(pipeline.Vocabulary) }
