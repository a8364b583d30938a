// Command docs serves the documentation: the OpenAPI document and a page over it.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/api"
)

func main() {
	s := wire.Open()
	s.ServeAPI(api.Docs(s.API()))
}
