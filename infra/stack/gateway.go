package stack

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsxray"
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
	own := s.props.Domain.Name != ""
	access := awslogs.NewLogGroup(s.stack, jsii.String("LogApi"), &awslogs.LogGroupProps{
		LogGroupName:  jsii.String("/aws/apigateway/" + s.names.stack),
		Retention:     retentionOf(s.props.Kind),
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	rest := awsapigateway.NewRestApi(s.stack, jsii.String("Api"), &awsapigateway.RestApiProps{
		RestApiName:      jsii.String(s.names.stack),
		BinaryMediaTypes: jsii.Strings("multipart/form-data"),
		// The clients are servers, most of them in the same region. An edge-optimised address would
		// add a CloudFront distribution that belongs to AWS.
		EndpointConfiguration: &awsapigateway.EndpointConfiguration{Types: &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL}},
		// Without this role, which is the account's and shared by its APIs, there are no access
		// logs. It outlives the stack, because other APIs may use it by then.
		CloudWatchRole:              jsii.Bool(true),
		CloudWatchRoleRemovalPolicy: s.removal(),
		DisableExecuteApiEndpoint:   jsii.Bool(own),
		DeployOptions: &awsapigateway.StageOptions{
			StageName:            jsii.String(StageName),
			ThrottlingRateLimit:  jsii.Number(throttleRate),
			ThrottlingBurstLimit: jsii.Number(throttleBurst),
			TracingEnabled:       jsii.Bool(true),
			AccessLogDestination: awsapigateway.NewLogGroupLogDestination(access),
			AccessLogFormat:      awsapigateway.AccessLogFormat_Custom(accessLine()),
		},
	})
	s.api = rest
	// The gateway notices whether it has an address of its own only when it is deployed anew.
	rest.LatestDeployment().AddToLogicalId(map[string]any{"domain": s.props.Domain.Name})
	integrations := map[string]awsapigateway.LambdaIntegration{}
	answer := func(resource awsapigateway.IResource, method, function string) {
		if integrations[function] == nil {
			integrations[function] = awsapigateway.NewLambdaIntegration(s.callee(function), &awsapigateway.LambdaIntegrationOptions{
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
	s.addAnswers(rest)
	if s.props.Endpoint == "" && !s.props.Throwaway { // an emulator knows no such rule
		s.leaveOutOfTraces()
	}
	address := rest.Url()
	if own {
		address = sprint("https://%s/", s.props.Domain.Name)
		s.addDomain()
	}
	if s.props.Kind == Prod {
		s.addFirewall()
	}
	s.output("ApiId", rest.RestApiId(), "")
	s.output("ApiStage", jsii.String(StageName), "")
	s.output("ApiUrl", address, "The address of the API: PARLEY_URL for clients")
}

// leaveOutOfTraces keeps report pages out of X-Ray. The gateway's segment holds the whole URL, in
// which the token is the secret.
func (s *system) leaveOutOfTraces() {
	awsxray.NewCfnSamplingRule(s.stack, jsii.String("PagesUntraced"), &awsxray.CfnSamplingRuleProps{
		SamplingRule: &awsxray.CfnSamplingRule_SamplingRuleProperty{
			RuleName:      jsii.String(s.names.samplingRule()),
			Priority:      jsii.Number(1),
			ReservoirSize: jsii.Number(0),
			FixedRate:     jsii.Number(0),
			UrlPath:       jsii.String("*/reports/*"),
			ServiceName:   jsii.String(s.names.stack + "/*"), // NAME/STAGE in X-Ray
			ServiceType:   jsii.String("*"),
			Host:          jsii.String("*"),
			HttpMethod:    jsii.String("*"),
			ResourceArn:   jsii.String("*"),
			Version:       jsii.Number(1),
		},
	})
}

// addAnswers adds what the gateway itself answers, in the API's envelope.
func (s *system) addAnswers(rest awsapigateway.RestApi) {
	// The gateway's own address has the stage in its paths, a domain has not.
	before := "/" + StageName
	if s.props.Domain.Name != "" {
		before = ""
	}
	for _, a := range gatewayAnswers(before + Base) {
		rest.AddGatewayResponse(jsii.String("Answer"+strings.ToLower(a.kind)), &awsapigateway.GatewayResponseOptions{
			Type:            awsapigateway.ResponseType_Of(jsii.String(a.kind)),
			StatusCode:      a.status(),
			ResponseHeaders: a.headers(s.props.Origins),
			Templates:       &map[string]*string{"application/json": jsii.String(envelope(a))},
		})
	}
}

// accessLine returns the format of the access log: one JSON object per request. It names the route
// and not the path, which can hold a report's secret link. requestId is the X-Request-Id of the
// gateway's own refusals; extendedRequestId and trace lead to the functions' logs.
func accessLine() *string {
	line, err := json.Marshal(map[string]string{
		"time": "$context.requestTime", "requestId": "$context.requestId", "extendedRequestId": "$context.extendedRequestId",
		"trace": "$context.xrayTraceId", "method": "$context.httpMethod", "route": "$context.resourcePath", "status": "$context.status",
		"latencyMs": "$context.responseLatency", "functionMs": "$context.integrationLatency", "bytes": "$context.responseLength",
		"address": "$context.identity.sourceIp", "agent": "$context.identity.userAgent", "refusal": "$context.error.responseType",
		"cause": "$context.integrationErrorMessage", "firewall": "$context.wafResponseCode",
	})
	if err != nil {
		panic("stack: access log: " + err.Error()) // only strings: cannot fail
	}
	return jsii.String(string(line))
}

// addDomain gives the API a domain of its own, without the stage in its paths.
func (s *system) addDomain() {
	d := s.props.Domain
	domain := awsapigateway.NewDomainName(s.stack, jsii.String("Domain"), &awsapigateway.DomainNameProps{
		DomainName:     &d.Name,
		Certificate:    awscertificatemanager.Certificate_FromCertificateArn(s.stack, jsii.String("Certificate"), &d.Certificate),
		EndpointType:   awsapigateway.EndpointType_REGIONAL,
		SecurityPolicy: awsapigateway.SecurityPolicy_TLS_1_2,
	})
	awsapigateway.NewBasePathMapping(s.stack, jsii.String("DomainMapping"), &awsapigateway.BasePathMappingProps{
		DomainName: domain, RestApi: s.api, Stage: s.api.DeploymentStage(),
	})
	s.output("DomainTarget", domain.DomainNameAliasDomainName(), "What the DNS name of the API must be an alias of")
	if d.Zone == "" {
		return
	}
	for _, kind := range []string{"A", "AAAA"} {
		awsroute53.NewCfnRecordSet(s.stack, jsii.String("Record"+kind), &awsroute53.CfnRecordSetProps{
			HostedZoneId: &d.Zone, Name: &d.Name, Type: jsii.String(kind),
			AliasTarget: &awsroute53.CfnRecordSet_AliasTargetProperty{
				DnsName: domain.DomainNameAliasDomainName(), HostedZoneId: domain.DomainNameAliasHostedZoneId(),
			},
		})
	}
}

// FirewallRate is how many requests of one address the firewall lets pass in firewallWindow. It is
// far above what the functions allow each key, and holds back floods of requests without a key.
const FirewallRate = 10_000

const firewallWindow = 300 // seconds

// addFirewall puts a firewall with one rule before the API. The gateway turns its refusal into ours
// (WAF_FILTERED).
func (s *system) addFirewall() {
	visible := func(metric string) *awswafv2.CfnWebACL_VisibilityConfigProperty {
		return &awswafv2.CfnWebACL_VisibilityConfigProperty{
			CloudWatchMetricsEnabled: true, SampledRequestsEnabled: false, MetricName: jsii.String(s.names.of(metric)),
		}
	}
	wall := awswafv2.NewCfnWebACL(s.stack, jsii.String("Firewall"), &awswafv2.CfnWebACLProps{
		Name:             jsii.String(s.names.of("firewall")),
		Scope:            jsii.String("REGIONAL"),
		DefaultAction:    &awswafv2.CfnWebACL_DefaultActionProperty{Allow: &awswafv2.CfnWebACL_AllowActionProperty{}},
		VisibilityConfig: visible("firewall"),
		Rules: []any{&awswafv2.CfnWebACL_RuleProperty{
			Name: jsii.String("rate"), Priority: jsii.Number(0),
			Action:           &awswafv2.CfnWebACL_RuleActionProperty{Block: &awswafv2.CfnWebACL_BlockActionProperty{}},
			VisibilityConfig: visible("firewall-rate"),
			Statement: &awswafv2.CfnWebACL_StatementProperty{RateBasedStatement: &awswafv2.CfnWebACL_RateBasedStatementProperty{
				AggregateKeyType: jsii.String("IP"), Limit: jsii.Number(FirewallRate), EvaluationWindowSec: jsii.Number(firewallWindow),
			}},
		}},
	})
	awswafv2.NewCfnWebACLAssociation(s.stack, jsii.String("FirewallOfApi"), &awswafv2.CfnWebACLAssociationProps{
		WebAclArn: wall.AttrArn(), ResourceArn: s.api.DeploymentStage().StageArn(),
	})
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
	code       errcode.Code // it decides the status of the answer, unless ownStatus is set
	ownStatus  bool         // the gateway's own status of whatever it refuses
	message    string       // empty: the code's own
	details    map[string]any
	retryAfter int // seconds; 0: none
}

// gatewayAnswers lists the errors that can occur in this API, and the two defaults for all others.
// base is the path of the API as clients see it. A status on DEFAULT_4XX would become that of every
// other refusal, so it has none.
func gatewayAnswers(base string) []answer {
	return []answer{
		{kind: "MISSING_AUTHENTICATION_TOKEN", code: errcode.NotFound},
		{kind: "RESOURCE_NOT_FOUND", code: errcode.NotFound},
		{kind: "REQUEST_TOO_LARGE", code: errcode.RequestTooLarge, details: map[string]any{"uploadsUrl": base + "/speech/uploads"}},
		{kind: "THROTTLED", code: errcode.RateLimitExceeded, retryAfter: 1},
		{kind: "QUOTA_EXCEEDED", code: errcode.RateLimitExceeded, retryAfter: 1},
		{kind: "WAF_FILTERED", code: errcode.RateLimitExceeded, retryAfter: 60},
		{kind: "INTEGRATION_TIMEOUT", code: errcode.InternalError},
		{kind: "INTEGRATION_FAILURE", code: errcode.InternalError},
		{kind: "DEFAULT_4XX", code: errcode.InvalidParameters, ownStatus: true, message: "The request could not be read. Check its method, path, headers and body."},
		{kind: "DEFAULT_5XX", code: errcode.InternalError},
	}
}

func (a answer) status() *string {
	if a.ownStatus {
		return nil
	}
	entry, _ := errcode.Lookup(a.code)
	return jsii.String(strconv.Itoa(entry.Status))
}

// headers returns the answer's headers. Its request id is the gateway's own, which the functions
// log too. If pages of other origins may call the API, they may read its refusals too; a refusal
// has one fixed value for all, so with several origins it is any.
func (a answer) headers(origins []string) *map[string]*string {
	h := map[string]*string{
		"X-Request-Id":           jsii.String("context.requestId"),
		"Cache-Control":          jsii.String("'no-store'"),
		"X-Content-Type-Options": jsii.String("'nosniff'"),
	}
	if a.retryAfter > 0 {
		h["Retry-After"] = jsii.String("'" + strconv.Itoa(a.retryAfter) + "'")
	}
	switch len(origins) {
	case 0:
	case 1:
		h["Access-Control-Allow-Origin"] = jsii.String("'" + origins[0] + "'")
	default:
		h["Access-Control-Allow-Origin"] = jsii.String("'*'")
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
