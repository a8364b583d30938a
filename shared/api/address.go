package api

import (
	"bytes"
	"html"
	"net/url"
)

// The API has one base URL, and every address that it hands out is below it. On the gateway's own
// host a stage stands before Base (…/live/api/v1), on a custom domain perhaps nothing, and on a
// local system nothing.

// address returns the URL of the API, without Base: the configured one, or else the one at which
// the gateway was called. known is false where there is neither, and the client's Host header is
// all that we have.
func (c *call) address() (at string, known bool) {
	switch gateway := c.r.Header.Get(GatewayURLHeader); {
	case c.BaseURL != "":
		return c.BaseURL, true
	case gateway != "":
		return gateway, true
	case c.r.TLS != nil:
		return "https://" + c.r.Host, false
	}
	return "http://" + c.r.Host, false
}

// absolute returns the URL of a path below Base, for links that leave the API.
func (c *call) absolute(path string) string {
	at, _ := c.address()
	return at + Base + path
}

// reference returns the address of a path below Base for the client that made this call: without
// scheme and host, unless the call came by another address than the configured one.
func (c *call) reference(path string) string {
	at, _ := c.address()
	if gateway := c.r.Header.Get(GatewayURLHeader); gateway != "" && gateway != at {
		return at + Base + path
	}
	u, err := url.Parse(at)
	if err != nil {
		return Base + path
	}
	return u.EscapedPath() + Base + path
}

// placed returns the OpenAPI document with this deployment as its server.
func (c *call) placed(doc []byte) []byte {
	server, err := plain(c.reference(""))
	if err != nil {
		return doc
	}
	return bytes.Replace(doc, []byte(`"url": "`+Base+`"`), append([]byte(`"url": `), server...), 1)
}

// placedPage returns the page of the documentation with this deployment's address in its examples,
// where that is known.
func (c *call) placedPage(page []byte) []byte {
	at, known := c.address()
	if !known {
		return page
	}
	return bytes.ReplaceAll(page, []byte("$"+urlVariable+Base), []byte(html.EscapeString(at+Base)))
}

// urlVariable is the variable that stands for the address in the documentation's examples.
const urlVariable = "PARLEY_URL"
