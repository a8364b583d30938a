package api

import (
	"mime"
	"regexp"
	"strings"
)

// Clients write the name of a file into the header of its part in every way: unquoted with spaces
// or brackets, with quotes inside quotes, in raw UTF-8. package mime drops all parameters of such a
// header, and with them the name of the part. What stands in a file's name never matters, so the
// name of the part is looked for first where no file's name can be in its way: as the first
// parameter or as the last. package mime reads what is left, a name between two others.
var (
	firstName = regexp.MustCompile(`^(?i:[ \t]*form-data[ \t]*;[ \t]*name[ \t]*=)[ \t]*(?:"([^"\\]*)"|([^"; \t]+))[ \t]*(?:;|$)`)
	lastName  = regexp.MustCompile(`^(?i:[ \t]*form-data[ \t]*;.*;[ \t]*name[ \t]*=)[ \t]*(?:"([^"\\]*)"|([^"; \t]+))[ \t]*;?[ \t]*$`)
	fileName  = regexp.MustCompile(`(?i);[ \t]*filename(?:\*[0-9]*\*?)?[ \t]*=[ \t]*(?:""|)[ \t]*([^; \t]?)`)
)

// partName returns the name of a form's part by its Content-Disposition, empty if it has none, and
// whether that gives a file name that is not empty.
func partName(disposition string) (name string, named bool) {
	for _, m := range fileName.FindAllStringSubmatch(disposition, -1) {
		named = named || m[1] != ""
	}
	for _, pattern := range []*regexp.Regexp{firstName, lastName} {
		if m := pattern.FindStringSubmatch(disposition); m != nil {
			return m[1] + m[2], named
		}
	}
	kind, params, err := mime.ParseMediaType(disposition)
	if err != nil || !strings.EqualFold(kind, "form-data") {
		return "", false
	}
	return params["name"], params["filename"] != ""
}
