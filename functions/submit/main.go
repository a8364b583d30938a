// Command submit checks a recording and accepts it as a run.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/api"
)

func main() {
	s := wire.Open()
	s.ServeAPI(api.Submit(s.API()))
}
