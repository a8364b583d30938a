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

// StageName is the gateway's stage, the first element of every path on the gateway's own host.
const StageName = "live"

// Base is the path that all routes lie below.
const Base = "/api/v1"

// Coarse throttling of everything together, in requests a second and in a burst; the limits of a key are the functions'.
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
		{"GET", "/runs", "runs"},
		{"GET", "/speech/runs", "runs"},
		{"GET", "/credits", "credits"},
		{"GET", "/credits/transactions", "credits"},
		{"POST", "/speech/uploads", "uploads"},
		{"GET", "/health", "health"},
		{"GET", "/openapi.json", "docs"},
		{"GET", "/docs", "docs"},
	}
}

// fallback is the function that answers wherever no route leads: its own router knows that there is nothing, and says so
// in the error envelope, with a request id and the time, as the gateway by itself could not.
const fallback = "docs"

// addGateway makes the REST API. Each path takes any method, so that a wrong one reaches the path's function, which
// answers it with the methods that there are.
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

// methods are the gateway's methods: ANY for the first route of a path, the route's own for a further function on it.
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

// answer is what the gateway says by itself, where no function is reached.
type answer struct {
	kind       string
	code       errcode.Code // its status is the answer's
	message    string       // empty: the code's own
	details    map[string]any
	retryAfter int // seconds; 0: no advice
}

// gatewayAnswers are all of them: those that can happen to this API, and the two that stand for any other.
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

// headers name the request by the gateway's own id, which stands in the functions' logs too.
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

// envelope is the error envelope of an answer. The gateway fills in plain variables only and knows the time in two forms,
// neither of them ISO 8601: this one people can read, and the documentation names it. There is no requestId, since no
// handler ran.
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
		panic("stack: gateway answer: " + err.Error()) // strings and one integer always encode
	}
	return string(raw)
}
