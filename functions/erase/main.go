// Command erase deletes the recording and the results of a run.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/api"
)

func main() {
	s := wire.Open()
	s.ServeAPI(api.Erase(s.API()))
}
