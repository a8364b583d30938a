// Command poll answers the progress of a run, and its scores once it has ended.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/api"
)

func main() {
	s := wire.Open()
	s.ServeAPI(api.Poll(s.API()))
}
