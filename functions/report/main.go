// Command report makes links to the report page of a run, and ends them.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/api"
)

func main() {
	s := wire.Open()
	s.ServeAPI(api.Report(s.API()))
}
