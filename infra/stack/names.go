package stack

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/store/dynamo/schema"
	"parley/shared/speech"
	"parley/shared/speech/recogniser/amazon"
)

// names gives the resources their physical names, which all start with the stack's name. They are
// fixed, so that each stack can refer to the other's resources, and a new stack finds what an
// earlier one of the same name left behind instead of starting with empty tables beside it.
type names struct{ stack string }

// StateName returns the name of the stack that holds the state of the stack named id.
func StateName(id string) string { return id + "-state" }

// of returns the name of a queue or function.
func (n names) of(short string) string { return n.stack + "-" + short }

func (n names) table(t schema.Table) string { return n.stack + "-" + t.Name }

// The limits of AWS on names.
const (
	maxFunctionName = 64
	maxBucketName   = 63
	maxRuleName     = 32 // of a sampling rule of X-Ray
	// maxRegion is the length of the longest names of regions, such as ap-southeast-2.
	maxRegion     = 14
	accountDigits = 12
	// hashDigits is how much of a hash a shortened name ends with.
	hashDigits = 8
)

// bucket returns the part of the bucket's name before the account and the region: the stack's name
// in lower case, which is all that S3 accepts. One that would be too long in some region is
// shortened and ends in a hash of the whole.
func (n names) bucket() string {
	const room = maxBucketName - len("-") - accountDigits - len("-") - maxRegion
	return fitted(strings.ToLower(n.stack), room)
}

// samplingRule returns the name of the rule of X-Ray, of which an account has one set per region.
func (n names) samplingRule() string { return fitted(n.stack, maxRuleName) }

// fitted shortens a name that has more than room characters, and tells it by a hash from others
// that begin alike.
func fitted(name string, room int) string {
	if len(name) <= room {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:room-1-hashDigits], "-") + "-" + hex.EncodeToString(sum[:])[:hashDigits]
}

// legal is how the name of a CloudFormation stack looks.
var legal = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// Prefixes of names that S3 keeps for itself.
var reservedPrefixes = []string{"xn--", "sthree-", "amzn-s3-demo-"}

// Check returns an error that says what is wrong with a deployment named id, and what to do about
// it. An error about missing folders wraps fs.ErrNotExist.
func (p Props) Check(id string) error {
	p = p.withDefaults()
	longest := 0
	for _, f := range Functions() {
		longest = max(longest, len(f.Name))
	}
	room := maxFunctionName - len("-") - longest
	switch {
	case !legal.MatchString(id):
		return fmt.Errorf("stack: the name %q must start with a letter and hold only letters, digits and hyphens; choose another with -c stack=NAME", id)
	case len(id) > room:
		return fmt.Errorf("stack: the name %q has %d characters; at most %d leave room for the names of the functions; choose another with -c stack=NAME", id, len(id), room)
	case slices.ContainsFunc(reservedPrefixes, func(prefix string) bool { return strings.HasPrefix(strings.ToLower(id), prefix) }):
		return fmt.Errorf("stack: the name %q makes a bucket name that S3 keeps for itself; choose another with -c stack=NAME", id)
	case p.Kind != Prod && p.Kind != Dev:
		return fmt.Errorf("stack: the kind is %s or %s, not %q", Prod, Dev, p.Kind)
	case p.Arch != "arm64" && p.Arch != "amd64":
		return fmt.Errorf("stack: the processor is arm64 or amd64, not %q", p.Arch)
	case p.Concurrency < 0 || p.Copies < 0:
		return errors.New("stack: concurrency and copies must not be negative")
	case (p.Domain.Name == "") != (p.Domain.Certificate == ""), p.Domain.Name == "" && p.Domain.Zone != "":
		return errors.New("stack: a domain needs its name and its certificate: -c domain=NAME -c certificate=ARN, and -c zone=ID if its DNS is in Route 53")
	case p.Kind == Prod && (p.Throwaway || p.Endpoint != ""):
		return errors.New("stack: a prod deployment cannot be thrown away or call an emulator; add -c kind=dev")
	}
	if _, chosen, err := amazon.ParseSetting(p.Recogniser); err != nil || !chosen && p.Recogniser != Whisper {
		return fmt.Errorf("stack: the recogniser is %s or %s, with a colon and its languages behind it if need be (%s:en-GB,es-ES), not %q", Whisper, amazon.Setting, amazon.Setting, p.Recogniser)
	}
	for _, origin := range p.Origins {
		if !regexp.MustCompile(`^https?://[^/*\s]+$`).MatchString(origin) {
			return fmt.Errorf("stack: %q is not an origin, such as https://app.example.com", origin)
		}
	}
	return p.checkFolders()
}

// checkFolders finds a folder that a deployment needs and that nobody has made.
func (p Props) checkFolders() error {
	type need struct{ dir, target string }
	var needs []need
	for _, f := range Functions() {
		needs = append(needs, need{filepath.Join(p.Dist, f.Name), "functions"})
	}
	for _, stage := range append(slices.Clone(speech.Service.Stages), submitLayers()) {
		for _, l := range stage.Layers {
			needs = append(needs, need{filepath.Join(p.Layers, string(l)), "parts"})
		}
	}
	for _, n := range needs {
		switch _, err := os.Stat(n.dir); {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("stack: the folder %s is missing: make it with `make %s ARCH=%s` (%w)", n.dir, n.target, p.Arch, fs.ErrNotExist)
		case err != nil:
			return fmt.Errorf("stack: %w", err)
		}
	}
	return nil
}

// submitLayers is a row with the layers of the functions that are not stages.
func submitLayers() pipeline.Stage {
	var row pipeline.Stage
	for _, f := range API() {
		row.Layers = append(row.Layers, f.Layers...)
	}
	return row
}
