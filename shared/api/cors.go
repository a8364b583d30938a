package api

import (
	"net/http"

	"github.com/rs/cors"
)

// preflightAge is how long a browser may remember the answer to its preflight request, in seconds.
const preflightAge = 3600

// CORS lets pages of the given origins call h from a browser. Without origins it returns h itself:
// then no page may. The functions do it, and not the gateway, because the gateway adds no header to
// a function's answer.
func CORS(h http.Handler, origins []string) http.Handler {
	if len(origins) == 0 {
		return h
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodPost, http.MethodDelete},
		AllowedHeaders: []string{"X-API-Key", "Authorization", "Content-Type", "Idempotency-Key"},
		ExposedHeaders: []string{"X-Request-Id", "Retry-After", "Location", "Idempotency-Replayed"},
		MaxAge:         preflightAge,
	}).Handler(h)
}
