// Package docs holds those documents of the repository that the service shows too.
package docs

import _ "embed" // for the documents

// Validation is the page of how far the scores follow human raters, in Markdown.
//
//go:embed validation.md
var Validation string
