// Command vocabulary scores the candidate's vocabulary.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/speech"
)

func main() { wire.Open().ServeStage(speech.Vocabulary) }
