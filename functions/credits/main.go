// Command credits shows a client's credits and ledger.
package main

import (
	"parley/functions/internal/wire"
	"parley/shared/api"
)

func main() {
	s := wire.Open()
	s.ServeAPI(api.Credits(s.API()))
}
