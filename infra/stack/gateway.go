package stack

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"parley/shared/errcode"
)

// StageName is the gateway's stage: the first element of every path on the gateway's own host.
const StageName = "live"

// Base is the prefix of every route.
const Base = "/api/v1"

// Coarse throttling of all requests together, per second and in a burst. The functions limit each
// key.
const (
	throttleRate  = 1000
	throttleBurst = 2000
)

// Route is a method and path below Base, and the function that answers.
type Route struct{ Method, Path, Function string }

// Routes lists the API.
func Routes() []Route {
	return []Route{
		{"POST", "/speech/analyze", "submit"},
		{"GET", "/speech/analyze/{id}", "poll"},
		{"DELETE", "/speech/analyze/{id}", "erase"},
		{"POST", "/speech/analyze/{id}/report", "report"},
		{"DELETE", "/speech/analyze/{id}/report", "report"},
		{"POST", "/reports", "report"},
		{"GET", "/reports/{token}", "page"},
		{"GET", "/reports/compare/{token}", "page"},
		{"GET", "/reports/{token}/audio", "page"},
		{"GET", "/runs", "runs"},
		{"GET", "/speech/runs", "runs"},
		{"GET", "/credits", "credits"},
		{"GET", "/credits/transactions", "credits"},
		{"POST", "/speech/uploads", "uploads"},
		{"GET", "/health", "health"},
		{"GET", "/openapi.json", "docs"},
		{"GET", "/openapi-3.0.json", "docs"},
		{"GET", "/docs", "docs"},
		{"GET", "/llms.txt", "docs"},
		{"GET", "/llms-full.txt", "docs"},
	}
}

// fallback is the function that answers unknown paths. Its router answers NOT_FOUND in the error
// envelope, with a request id and a proper timestamp, which the gateway itself could not.
const fallback = "docs"

// addGateway adds the REST API. Each path accepts any method, so that a wrong method reaches the
// path's function, which answers with the allowed ones.
func (s *system) addGateway() {
	rest := awsapigateway.NewRestApi(s.stack, jsii.String("Api"), &awsapigateway.RestApiProps{
		RestApiName:      jsii.String(*s.stack.StackName()),
		BinaryMediaTypes: jsii.Strings("multipart/form-data"),
		CloudWatchRole:   jsii.Bool(false),
		DeployOptions: &awsapigateway.StageOptions{
			StageName:            jsii.String(StageName),
			ThrottlingRateLimit:  jsii.Number(throttleRate),
			ThrottlingBurstLimit: jsii.Number(throttleBurst),
		},
	})
	integrations := map[string]awsapigateway.LambdaIntegration{}
	answer := func(resource awsapigateway.IResource, method, function string) {
		if integrations[function] == nil {
			integrations[function] = awsapigateway.NewLambdaIntegration(s.functions[function], &awsapigateway.LambdaIntegrationOptions{
				Proxy:           jsii.Bool(true),
				AllowTestInvoke: jsii.Bool(false),
				Timeout:         awscdk.Duration_Seconds(jsii.Number(29)),
			})
		}
		resource.AddMethod(jsii.String(method), integrations[function], &awsapigateway.MethodOptions{
			AuthorizationType: awsapigateway.AuthorizationType_NONE,
		})
	}
	for _, m := range methods() {
		answer(rest.Root().ResourceForPath(jsii.String(Base+m.Path)), m.Method, m.Function)
	}
	answer(rest.Root(), "ANY", fallback)
	answer(rest.Root().AddResource(jsii.String("{proxy+}"), nil), "ANY", fallback)
	for _, a := range gatewayAnswers() {
		rest.AddGatewayResponse(jsii.String("Answer"+strings.ToLower(a.kind)), &awsapigateway.GatewayResponseOptions{
			Type:            awsapigateway.ResponseType_Of(jsii.String(a.kind)),
			StatusCode:      a.status(),
			ResponseHeaders: a.headers(),
			Templates:       &map[string]*string{"application/json": jsii.String(envelope(a))},
		})
	}
	s.output("ApiId", rest.RestApiId())
	s.output("ApiStage", jsii.String(StageName))
	s.output("ApiUrl", rest.Url())
}

// methods returns the gateway's methods: ANY for the first function on a path, the route's own
// method for any other function on it.
func methods() []Route {
	var out []Route
	first := map[string]string{}
	for _, r := range Routes() {
		switch function, seen := first[r.Path]; {
		case !seen:
			first[r.Path] = r.Function
			out = append(out, Route{"ANY", r.Path, r.Function})
		case function != r.Function:
			out = append(out, r)
		}
	}
	return out
}

// answer is an error that the gateway itself answers, without a function.
type answer struct {
	kind       string
	code       errcode.Code // it decides the status of the answer
	message    string       // empty: the code's own
	details    map[string]any
	retryAfter int // seconds; 0: none
}

// gatewayAnswers lists the errors that can occur in this API, and the two defaults for all others.
func gatewayAnswers() []answer {
	return []answer{
		{kind: "MISSING_AUTHENTICATION_TOKEN", code: errcode.NotFound},
		{kind: "RESOURCE_NOT_FOUND", code: errcode.NotFound},
		{kind: "REQUEST_TOO_LARGE", code: errcode.RequestTooLarge, details: map[string]any{"uploadsUrl": Base + "/speech/uploads"}},
		{kind: "THROTTLED", code: errcode.RateLimitExceeded, retryAfter: 1},
		{kind: "QUOTA_EXCEEDED", code: errcode.RateLimitExceeded, retryAfter: 1},
		{kind: "INTEGRATION_TIMEOUT", code: errcode.InternalError},
		{kind: "INTEGRATION_FAILURE", code: errcode.InternalError},
		{kind: "DEFAULT_4XX", code: errcode.InvalidParameters, message: "The request could not be read. Check its method, path, headers and body."},
		{kind: "DEFAULT_5XX", code: errcode.InternalError},
	}
}

func (a answer) status() *string {
	entry, _ := errcode.Lookup(a.code)
	return jsii.String(strconv.Itoa(entry.Status))
}

// headers returns the answer's headers. Its request id is the gateway's own, which the functions
// log too.
func (a answer) headers() *map[string]*string {
	h := map[string]*string{
		"X-Request-Id":           jsii.String("context.requestId"),
		"Cache-Control":          jsii.String("'no-store'"),
		"X-Content-Type-Options": jsii.String("'nosniff'"),
	}
	if a.retryAfter > 0 {
		h["Retry-After"] = jsii.String("'" + strconv.Itoa(a.retryAfter) + "'")
	}
	return &h
}

// envelope returns the error envelope of an answer. The gateway can only fill in plain variables,
// and has the time in two formats, neither of which is ISO 8601. We use the one that people can
// read, and the OpenAPI document describes it. There is no requestId, since no handler ran.
func envelope(a answer) string {
	e := errcode.New(a.code)
	e.Message = a.message
	body := map[string]any{"code": a.code, "message": e.Text(), "timestamp": "$context.requestTime"}
	if a.retryAfter > 0 {
		body["retryAfterSeconds"] = a.retryAfter
	}
	if a.details != nil {
		body["details"] = a.details
	}
	raw, err := json.Marshal(map[string]any{"error": body})
	if err != nil {
		panic("stack: gateway answer: " + err.Error()) // only strings and integers: cannot fail
	}
	return string(raw)
}
