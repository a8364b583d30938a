// Command docs serves the documentation: the OpenAPI document, also as an HTML page.
package main

import "parley/functions/internal/wire"

func main() { wire.ServeDocs() }
