package stack

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"parley/shared/code"
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
		{"GET", "/runs", "runs"},
		{"GET", "/speech/runs", "runs"},
		{"GET", "/credits", "credits"},
		{"GET", "/credits/transactions", "credits"},
		{"POST", "/speech/uploads", "uploads"},
		{"GET", "/health", "health"},
	}
}

func (s *system) addGateway() {
	api := awsapigateway.NewRestApi(s.stack, jsii.String("Api"), &awsapigateway.RestApiProps{
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
	for _, r := range Routes() {
		if integrations[r.Function] == nil {
			integrations[r.Function] = awsapigateway.NewLambdaIntegration(s.functions[r.Function], &awsapigateway.LambdaIntegrationOptions{
				Proxy:           jsii.Bool(true),
				AllowTestInvoke: jsii.Bool(false),
				Timeout:         awscdk.Duration_Seconds(jsii.Number(29)),
			})
		}
		resource := api.Root().ResourceForPath(jsii.String(Base + r.Path))
		resource.AddMethod(jsii.String(r.Method), integrations[r.Function], &awsapigateway.MethodOptions{
			AuthorizationType: awsapigateway.AuthorizationType_NONE,
		})
	}
	for _, a := range gatewayAnswers() {
		api.AddGatewayResponse(jsii.String("Answer"+strings.ToLower(a.kind)), &awsapigateway.GatewayResponseOptions{
			Type:            awsapigateway.ResponseType_Of(jsii.String(a.kind)),
			StatusCode:      jsii.String(a.status),
			ResponseHeaders: a.headers,
			Templates:       &map[string]*string{"application/json": jsii.String(envelope(a))},
		})
	}
	s.output("ApiId", api.RestApiId())
	s.output("ApiUrl", api.Url())
}

// answer is what the gateway says by itself, where no function is reached.
type answer struct {
	kind, status string
	code         code.Code
	message      string
	retryAfter   int // seconds; 0: no advice
	headers      *map[string]*string
}

func gatewayAnswers() []answer {
	retry := func(seconds string) *map[string]*string {
		return &map[string]*string{"Retry-After": jsii.String("'" + seconds + "'")}
	}
	return []answer{
		{kind: "MISSING_AUTHENTICATION_TOKEN", status: "404", code: code.NotFound, message: "There is nothing at this path."},
		{kind: "RESOURCE_NOT_FOUND", status: "404", code: code.NotFound, message: "There is nothing at this path."},
		{kind: "REQUEST_TOO_LARGE", status: "413", code: code.RequestTooLarge,
			message: "The request is too large for this endpoint. Send the audio through POST " + Base + "/speech/uploads."},
		{kind: "THROTTLED", status: "429", code: code.RateLimitExceeded, message: "Too many requests. Wait and try again.", retryAfter: 1, headers: retry("1")},
		{kind: "INTEGRATION_TIMEOUT", status: "504", code: code.InternalError, message: "The request took too long. Try again."},
		{kind: "DEFAULT_4XX", status: "", code: code.InvalidParameters, message: "The request could not be understood."},
		{kind: "DEFAULT_5XX", status: "", code: code.InternalError, message: "Something went wrong on our side. Try again."},
	}
}

// envelope is the error envelope of an answer. The gateway fills in plain variables only, so the time has the gateway's
// own form; there is no request id, since no handler ran.
func envelope(a answer) string {
	body := map[string]any{"code": a.code, "message": a.message, "timestamp": "$context.requestTime"}
	if a.retryAfter > 0 {
		body["retryAfterSeconds"] = a.retryAfter
	}
	raw, err := json.Marshal(map[string]any{"error": body})
	if err != nil {
		panic("stack: gateway answer: " + err.Error()) // strings and one integer always encode
	}
	return string(raw)
}
