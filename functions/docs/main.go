// Command docs serves the documentation: the OpenAPI document, also as an HTML page.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/api"
)

func main() {
	s := wire.Open()
	s.ServeAPI(api.Docs(s.API()))
}
