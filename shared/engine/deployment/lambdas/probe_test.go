package lambdas_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"parley/infra/prove/service"

	"parley/shared/engine/deployment/lambdas"
	"parley/shared/engine/readiness"
	"parley/shared/engine/run"
)

// answer is what Lambda answers to every call.
type answer struct {
	status int
	kind   string // X-Amzn-Errortype
	failed string // X-Amz-Function-Error
	body   string
}

// Do implements aws.HTTPClient.
func (a answer) Do(*http.Request) (*http.Response, error) {
	h := http.Header{"Content-Type": {"application/json"}}
	if a.kind != "" {
		h.Set("X-Amzn-Errortype", a.kind)
	}
	if a.failed != "" {
		h.Set("X-Amz-Function-Error", a.failed)
	}
	return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(strings.NewReader(a.body))}, nil
}

// Ensure that a probe tells a function that is not ready from one that is throttled and from one
// that failed.
func TestProbe(t *testing.T) {
	for name, tt := range map[string]struct {
		answer    answer
		why       string
		throttled bool
		failed    bool
	}{
		"ready":     {answer{status: 200, body: `{"why":""}`}, "", false, false},
		"not ready": {answer{status: 200, body: `{"why":"not ready"}`}, "not ready", false, false},
		"as many copies as may run are at work": {answer{status: 429, kind: "TooManyRequestsException",
			body: `{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`}, "", true, true},
		"there is no such function": {answer{status: 404, kind: "ResourceNotFoundException", body: `{"Type":"User","Message":"Function not found"}`}, "", false, true},
		"its process died":          {answer{status: 200, failed: "Unhandled", body: `{"errorMessage":"exit status 1"}`}, "", false, true},
		"an answer of another kind": {answer{status: 200, body: `"`}, "", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := lambdas.Functions{
				Names: map[run.Stage]string{service.Accent: "parley-accent"},
				API: lambda.NewFromConfig(aws.Config{Region: "eu-central-1", HTTPClient: tt.answer, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
					Retryer: func() aws.Retryer { return aws.NopRetryer{} }}),
			}
			why, err := s.Probe(t.Context(), service.Accent)
			if why != tt.why || (err != nil) != tt.failed || errors.Is(err, readiness.ErrThrottled) != tt.throttled {
				t.Errorf("%q, %v", why, err)
			}
			if _, err := s.Probe(t.Context(), service.Ingest); err == nil {
				t.Error("a function without a name was probed")
			}
		})
	}
}
