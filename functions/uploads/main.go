// Command uploads answers with presigned uploads.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/api"
)

func main() {
	s := wire.Open()
	s.ServeAPI(api.Uploads(s.API()))
}
