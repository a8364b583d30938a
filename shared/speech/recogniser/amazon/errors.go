package amazon

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/smithy-go"

	"parley/shared/errcode"
	"parley/shared/speech/transcript"
)

// The codes of the service's refusals, by what they mean to us.
var (
	// denied: credentials, permissions, or a request that no deployment that is set up well makes.
	denied = []string{"AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "InvalidClientTokenId", "MissingAuthenticationTokenException",
		"IncompleteSignatureException", "OptInRequired", "SubscriptionRequiredException", "BadRequestException", "ValidationException"}
	// later: as many jobs or calls as the account may make are on their way, or another copy of the
	// function has just started the job. The sweep asks again.
	later = []string{"LimitExceededException", "ThrottlingException", "TooManyRequestsException", "ConflictException"}
)

// meaning says in the port's terms why a call failed.
func meaning(what string, job transcript.Job, err error) error {
	err = fmt.Errorf("amazon: %s job %s: %w", what, job.Name, err)
	api, ok := errors.AsType[smithy.APIError](err)
	switch {
	case ok && slices.Contains(denied, api.ErrorCode()):
		return fmt.Errorf("%w: %w", transcript.ErrDenied, err)
	case ok && slices.Contains(later, api.ErrorCode()):
		return fmt.Errorf("%w: %w", transcript.ErrPending, err)
	}
	return err
}

// unknown tells whether a call failed because there is no such job. The service says so in either
// of two ways.
func unknown(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && (api.ErrorCode() == "NotFoundException" || api.ErrorCode() == "BadRequestException" && strings.Contains(api.ErrorMessage(), "couldn't be found"))
}

// failure is what the end of a failed job means, by the service's reason. Reasons that it gives for
// sound that it cannot read, and all others, are the recording's.
func failure(job transcript.Job, reason string) error {
	cause := fmt.Errorf("amazon: job %s failed: %q", job.Name, reason)
	holds := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(s string) bool { return strings.Contains(strings.ToLower(reason), s) })
	}
	switch {
	case holds("access denied", "access is denied", "not authorized", "permission", "could not be accessed", "can't be accessed"):
		return fmt.Errorf("%w: %w", transcript.ErrDenied, cause)
	case holds("language identification", "identify the language"):
		return errcode.New(errcode.TranscriptionLowConfidence).Because(cause)
	}
	return errcode.New(errcode.TranscriptionFailed).Because(cause)
}
