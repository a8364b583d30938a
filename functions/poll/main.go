// Command poll answers how far a run is, and its scores.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/api"
)

func main() {
	s := wire.Open()
	s.ServeAPI(api.Poll(s.API()))
}
