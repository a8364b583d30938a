// Command page shows the report page that a link opens.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/api"
)

func main() {
	s := wire.Open()
	s.ServeAPI(api.Page(s.API()))
}
