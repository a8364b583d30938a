// Command transcribe turns a piece of a recording into words.
package main

import "parley/functions/internal/wire"

func main() { wire.Open().ServeTranscribe() }
