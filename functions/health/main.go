// Command health answers whether the service is ready.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/api"
)

func main() {
	s := wire.Open()
	s.ServeAPI(api.Health(s.API()))
}
