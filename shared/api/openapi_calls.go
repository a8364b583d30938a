package api

import (
	"slices"
	"strconv"

	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech/audio"
	"parley/shared/speech/audio/channels"
)

const (
	tagSpeech  = "Speech"
	tagReports = "Reports"
	tagRuns    = "Runs"
	tagCredits = "Credits"
	tagService = "Service"
	// tagWebhooks is of its own, because a generator makes a file for each tag, and would lose the
	// calls of a tag that the webhook shares.
	tagWebhooks = "Webhooks"
)

func tagNodes() []node {
	tag := func(name, about string) node { return node{{"name", name}, {"description", about}} }
	return []node{
		tag(tagSpeech, "Submit a recording, read its run, erase it."),
		tag(tagReports, "Links to the report page of a run. The page needs no key: whoever has the link can read it until it ends."),
		tag(tagRuns, "List runs."),
		tag(tagCredits, "The balance and the ledger. A recording costs 1 credit per started minute; the first 100 ms of a minute do not count. The credits are held at submit, charged if the run succeeds and released if it fails."),
		tag(tagService, "Readiness and this documentation. These calls need no key."),
		tag(tagWebhooks, "What we send to your server."),
	}
}

const (
	kindJSON = "application/json"
	kindForm = "multipart/form-data"
	kindHTML = "text/html; charset=utf-8"
)

// operations returns every call with its route. A test checks that every route has a description.
func operations() []operation {
	byRoute := map[string]operation{}
	for _, o := range descriptions() {
		byRoute[o.key()] = o
	}
	var out []operation
	for _, r := range allRoutes() {
		o := byRoute[r.method+" "+r.pattern]
		o.route = r
		out = append(out, o)
	}
	return out
}

func at(method, pattern string) route { return route{method: method, pattern: pattern} }

func descriptions() []operation {
	runPath := node{{"name", "id"}, {"in", "path"}, {"required", true}, {"description", "The run's id, from the answer to the submit."},
		{"schema", matching("The run's id.", runPattern)}, {"example", exampleRequest}}
	tokenPath := node{{"name", "token"}, {"in", "path"}, {"required", true}, {"description", "The end of the link's address."},
		{"schema", matching("The token of a link.", linkEndPattern)}, {"example", exampleLinkEnd}}
	list := []node{
		parameter("limit", "Maximum number of entries on the page.", node{{"type", "integer"}, {"minimum", 1}, {"maximum", maxLimit}, {"default", defaultLimit}}),
		parameter("cursor", "The `nextCursor` of the previous page. It is valid only for the same client and the same filters.", node{{"type", "string"}, {"pattern", cursorPattern}}),
	}
	conditional := []node{{{"name", "If-None-Match"}, {"in", "header"}, {"description", "The ETag of the version that you have."},
		{"schema", node{{"type", "string"}}}}}
	documentHeaders := []string{"ETag", "Cache-Control"}
	unchanged := described{status: 304, text: "Your version is current.", headers: documentHeaders}
	page := described{status: 200, text: "A page of runs. A run that has ended has the same shape as in a poll, without transcript and analysis.", kind: kindJSON, schema: ref("schemas", "RunPage"),
		examples: []named{{"page", "A page that is not the last", example("runs")}}}
	filters := append(slices.Clone(list),
		parameter("status", "Only runs with this status.", node{{"type", "string"}, {"enum", run.Statuses}}),
		parameter("serviceType", "Only runs of this service. This deployment has speech runs only.", node{{"type", "string"}, {"enum", services}}),
		parameter("externalId", "Only runs with this externalId.", node{{"type", "string"}, {"minLength", 1}, {"maxLength", maxExternalID}}),
		parameter("tag", "Only runs with this tag.", node{{"type", "string"}, {"minLength", 1}, {"maxLength", maxTag}, {"pattern", `\S`}}),
		parameter("createdAfter", "Only runs submitted at or after this time. Encode the + of an offset as %2B.", node{{"type", "string"}, {"format", "date-time"}}),
		parameter("createdBefore", "Only runs submitted before this time.", node{{"type", "string"}, {"format", "date-time"}}))
	return []operation{
		{route: at("POST", "/speech/analyze"), id: "submitRecording", tag: tagSpeech, summary: "Submit a recording",
			text: "Checks the recording, holds its credits, and starts or queues a run. The checks are made in this order, and the answer reports the first that fails: key, rate, readiness, fields, audio, language grant, credits. A rejected submit leaves no run, no hold and no file behind.\n\n" +
				"An inline body may have up to about 4.4 MB. A larger one gets 413 with `details.uploadsUrl`: request an upload there, post the file to it, and submit its `uploadId`.\n\n" +
				"Send an Idempotency-Key, and a repeated submit is never billed twice.",
			raises: []errcode.Place{errcode.Submit},
			params: []node{{{"name", "Idempotency-Key"}, {"in", "header"},
				{"description", "Any string you choose; we remember it for 24 h. The same key with the same input repeats the first 202. With different input it answers 409 IDEMPOTENCY_KEY_REUSED; while the first request is in progress, 409 IDEMPOTENCY_IN_PROGRESS."},
				{"schema", node{{"type", "string"}, {"minLength", 1}, {"maxLength", maxIdempotency}}}, {"example", "5f1c0c5e-interview-1042"}}},
			body: node{{"required", true}, {"description", "Fields in any order. Only `tags` may be repeated."}, {"content", node{{kindForm, node{
				{"schema", ref("schemas", "Submission")},
				// Every other field has the encoding that its type has by default.
				{"encoding", node{{fieldTags, node{{"style", "form"}, {"explode", true}}}}},
				{"examples", node{
					{"upload", node{{"summary", "A finished upload, with all fields"}, {"value", node{
						{"uploadId", "upl_koq5vxujigy7cxpynsbto6yult"}, {"language", "en"}, {"externalId", "interview-1042"},
						{"metadata", node{{"position", "support"}, {"round", 2}}}, {"tags", []string{"june", "support"}},
						{"cutSettings", node{{"startSeconds", 12.5}, {"minSilenceMs", 300}}}, {"allowPartial", "false"}, {"channels", "auto"}, {"candidateSpeaks", "second"}}}}},
				}},
			}}}}},
			answers: []described{{status: 202, text: "Accepted.", headers: []string{"Location", "Idempotency-Replayed"}, kind: kindJSON, schema: ref("schemas", "AcceptedRun"),
				examples: []named{{"accepted", "A run that started at once", example("accepted")}}}}},
		{route: at("GET", "/speech/analyze/{id}"), id: "getRun", tag: tagSpeech, summary: "Read a run",
			text:   "Answers 200 even if the run failed: read `status`. You may read a run that has ended as often as you like. Poll one that has not ended at most every 10 s; we suggest the interval in `pollIntervalSeconds` and Retry-After. An id that belongs to another client gets the same answer as an unknown id.",
			raises: []errcode.Place{errcode.Poll}, params: []node{runPath},
			answers: []described{{status: 200, text: "The run.", headers: []string{"Retry-After"}, kind: kindJSON,
				schema: ref("schemas", "Run"),
				examples: []named{{"processing", "A run in process", example("processing")}, {"success", "A run that succeeded (its lists are shortened here)", example("success")},
					{"failed", "A run that failed", example("failed")}}}}},
		{route: at("DELETE", "/speech/analyze/{id}"), id: "eraseRun", tag: tagSpeech, summary: "Erase a run",
			text:   "Erases every copy of the recording, the transcript and the scores of a run that has ended. If the recording came by an upload, its `uploadId` cannot be submitted again. The run stays in the list, and its entries stay in the ledger. Erasing a run again answers the same.",
			raises: []errcode.Place{errcode.Erase}, params: []node{runPath},
			answers: []described{{status: 204, text: "Erased."}}},
		{route: at("POST", "/speech/uploads"), id: "createUpload", tag: tagSpeech, summary: "Request an upload",
			text: "For audio that is too large to send inline. Within one hour, post a multipart form to `url`: first `fields`, then the file as `file`. Then submit its `uploadId`; the submit checks the file as it checks an inline one.\n\n" +
				"An accepted upload is used up: it is deleted once the run has its own copy, and its `uploadId` then gets UPLOAD_NOT_FOUND. Only a repeat of that submit with its `Idempotency-Key` gets the first answer again. While the copy is made, another submit of the same upload gets 409 IDEMPOTENCY_IN_PROGRESS. A refused submit leaves the upload as it is, for 25 hours after it was posted.",
			raises: []errcode.Place{errcode.Uploads},
			body: node{{"required", true}, {"content", node{{kindJSON, node{{"schema", ref("schemas", "UploadRequest")},
				{"examples", node{{"interview", node{{"summary", "An MP3 of 12 MB"}, {"value", node{{"sizeBytes", 12000000}, {"contentType", "audio/mpeg"}}}}}}}}}}}},
			answers: []described{{status: 201, text: "You may post the upload.", kind: kindJSON, schema: ref("schemas", "Upload"),
				examples: []named{{"upload", "A presigned POST (policy and signature shortened)", example("uploads")}}}}},
		{route: at("POST", "/speech/analyze/{id}/report"), id: "createReportLink", tag: tagReports, summary: "Make a link to the report page",
			text: "Answers with a link to a page about the run that people can read: scores, timeline, measures, transcript. It needs no key and works until `expiresAt`, in any state of the run: the page of a run in process shows its progress and becomes the report by itself.\n\n" +
				"A run has at most " + strconv.Itoa(run.MaxLinks) + " live links; one more ends the oldest. Erasing the run ends them all. A key can make as many links a minute as it may submit.",
			raises: []errcode.Place{errcode.Link}, params: []node{runPath},
			body: node{{"required", false}, {"content", node{{kindJSON, node{{"schema", ref("schemas", "ReportLinkRequest")},
				{"examples", node{{"day", node{{"summary", "A link for a day"}, {"value", node{{"expiresInHours", 24}}}}}}}}}}}},
			answers: []described{{status: 201, text: "The link works.", kind: kindJSON, schema: ref("schemas", "ReportLink"),
				examples: []named{{"link", "A link for a day", example("report")}}}}},
		{route: at("DELETE", "/speech/analyze/{id}/report"), id: "revokeReportLinks", tag: tagReports, summary: "End all links to the report page",
			text:   "No link to the run's report page works from then on. You may make new ones. Repeating the call answers the same.",
			raises: []errcode.Place{errcode.Link}, params: []node{runPath},
			answers: []described{{status: 204, text: "No link works."}}},
		{route: at("GET", "/reports/{token}"), id: "getReport", tag: tagReports, summary: "Read the report page",
			text: "Answers with an HTML page, or, if you accept application/json and not text/html, with the same body as a poll, without the balance. A link that is wrong, altered, expired, revoked, or whose run was erased always gets the same 404. A link may be opened " +
				strconv.Itoa(linkRate) + " times a minute.",
			raises: []errcode.Place{errcode.Page}, params: []node{tokenPath},
			answers: []described{{status: 200, text: "The report.", headers: []string{"Retry-After", "Cache-Control"}, kind: kindJSON,
				schema:   ref("schemas", "Run"),
				examples: []named{{"processing", "A run in process", example("processing")}}}}},
		{route: at("POST", "/reports"), id: "createComparisonLink", tag: tagReports, summary: "Make a link to a comparison",
			text: "Answers with a link to a page that compares the newest " + strconv.Itoa(maxCompared) + " runs with one externalId or one tag: who, the scores with their intervals and confidence, what is to be considered, and a link to each report. Runs whose intervals overlap are shown as not told apart.\n\n" +
				"Each of the runs gets a link to its own page, as by `POST /speech/analyze/{id}/report`: erasing a run, or ending its links, takes it out of the comparison. Runs that are submitted later are not in it. A key can make as many links a minute as it may submit.",
			raises: []errcode.Place{errcode.Link},
			body: node{{"required", true}, {"content", node{{kindJSON, node{{"schema", ref("schemas", "ComparisonRequest")},
				{"examples", node{{"tag", node{{"summary", "All runs with a tag, for a day"}, {"value", node{{"by", "tag"}, {"value", "june"}, {"expiresInHours", 24}}}}}}}}}}}},
			answers: []described{{status: 201, text: "The link works.", kind: kindJSON, schema: ref("schemas", "ComparisonLink")}}},
		{route: at("GET", "/reports/compare/{token}"), id: "getComparison", tag: tagReports, summary: "Read a comparison",
			text:   "Answers with an HTML page; with `format=csv`, with a table for a spreadsheet; or, if you accept application/json and not text/html, with the entries of the runs as in a list, without the balance. A link that is wrong, altered, expired, or all of whose runs were erased or revoked always gets the same 404.",
			raises: []errcode.Place{errcode.Page},
			params: []node{{{"name", "token"}, {"in", "path"}, {"required", true}, {"description", "The end of the link's address."},
				{"schema", matching("The token of a comparison.", comparisonPattern())}, {"example", exampleComparisonEnd}},
				parameter("sort", "What to sort by: a score, `reference` or `submitted`. Anything else sorts by `overall`.", node{{"type", "string"}, {"maxLength", 40}}),
				parameter("format", "`csv` answers a table.", node{{"type", "string"}, {"maxLength", 40}})},
			answers: []described{{status: 200, text: "The comparison.", headers: []string{"Cache-Control"}, kind: kindJSON, schema: ref("schemas", "Comparison"), table: true}}},
		{route: at("GET", "/reports/{token}/audio"), id: "getReportAudio", tag: tagReports, summary: "Play the recording of a report",
			text:   "Answers with a link to the recording that works for 5 minutes; the page asks for it when somebody plays a word. 404 as above, and once the recording is no longer kept.",
			raises: []errcode.Place{errcode.Page}, params: []node{tokenPath},
			answers: []described{{status: 200, text: "The recording may be played.", headers: []string{"Cache-Control"}, kind: kindJSON, schema: ref("schemas", "ReportSound")}}},
		{route: at("GET", "/runs"), id: "listRuns", tag: tagRuns, summary: "List runs", text: "The client's runs, newest first. New runs do not shift later pages.",
			raises: []errcode.Place{errcode.List}, params: filters, answers: []described{page}},
		{route: at("GET", "/speech/runs"), id: "listSpeechRuns", tag: tagRuns, summary: "List speech runs", text: "The same as `/runs` with serviceType=speech.",
			raises: []errcode.Place{errcode.List}, params: filters, answers: []described{page}},
		{route: at("GET", "/credits"), id: "getCredits", tag: tagCredits, summary: "Read the balance", text: "The balance, the credits held and available, the usage, and the latest ledger entries.",
			answers: []described{{status: 200, text: "The account.", kind: kindJSON, schema: ref("schemas", "Credits"), examples: []named{{"account", "An account with one charge", example("credits")}}}}},
		{route: at("GET", "/credits/transactions"), id: "listTransactions", tag: tagCredits, summary: "Read the ledger", text: "Every ledger entry ever written, newest first.",
			raises: []errcode.Place{errcode.Ledger}, params: list,
			answers: []described{{status: 200, text: "A page of entries.", kind: kindJSON, schema: ref("schemas", "TransactionPage"), examples: []named{{"page", "A page that is not the last", example("transactions")}}}}},
		{route: at("GET", "/health"), id: "getHealth", tag: tagService, summary: "Check readiness", text: "Whether the service accepts submits, with the state of each part. While it does not, the answer is 503 SERVICE_WARMING_UP, with the parts in `details`.",
			raises:  []errcode.Place{errcode.Health},
			answers: []described{{status: 200, text: "Every part is ready.", kind: kindJSON, schema: ref("schemas", "Health"), examples: []named{{"ready", "All parts are ready", example("health")}}}}},
		{route: at("GET", "/openapi.json"), id: "getOpenAPI", tag: tagService, summary: "Read this document", text: "The OpenAPI 3.1 document of this interface.", params: conditional,
			answers: []described{{status: 200, text: "The document.", headers: documentHeaders, kind: kindJSON, schema: documentSchema()}, unchanged}},
		{route: at("GET", "/openapi-3.0.json"), id: "getOlderOpenAPI", tag: tagService, summary: "Read this document as OpenAPI 3.0", text: "The same document for programs that do not read OpenAPI 3.1. It says the same, except that its webhooks are called `x-webhooks`.", params: conditional,
			answers: []described{{status: 200, text: "The document.", headers: documentHeaders, kind: kindJSON, schema: documentSchema()}, unchanged}},
		{route: at("GET", "/docs"), id: "getDocs", tag: tagService, summary: "Read the documentation page", text: "The guides and this document as an HTML page for people.", params: conditional,
			answers: []described{{status: 200, text: "The page.", headers: documentHeaders, kind: kindHTML, schema: node{{"type", "string"}, {"description", "HTML."}}}, unchanged}},
		{route: at("GET", "/llms.txt"), id: "getLLMs", tag: tagService, summary: "Read what there is to read", text: "The list of the guides and calls, for language models.", params: conditional,
			answers: []described{{status: 200, text: "The list, in Markdown.", headers: documentHeaders, kind: kindText, schema: node{{"type", "string"}, {"description", "Markdown."}}}, unchanged}},
		{route: at("GET", "/llms-full.txt"), id: "getLLMsFull", tag: tagService, summary: "Read the documentation as one text", text: "The guides, the calls, the errors and the shapes, for language models.", params: conditional,
			answers: []described{{status: 200, text: "The text, in Markdown.", headers: documentHeaders, kind: kindText, schema: node{{"type", "string"}, {"description", "Markdown."}}}, unchanged}},
	}
}

func documentSchema() node {
	return node{{"type", "object"}, {"description", "An OpenAPI document."}, strictly("required", []string{"openapi", "info", "paths"})}
}

func parameter(name, about string, schema node) node {
	return node{{"name", name}, {"in", "query"}, {"description", about}, {"schema", schema}}
}

// submitSchema describes the form of a submit. On the wire every text field is a string; an object
// or a list is sent as its JSON.
func submitSchema() node {
	low, high := strconv.Itoa(int(audio.Bounds.MinLength.Minutes())), strconv.Itoa(int(audio.Bounds.MaxLength.Minutes()))
	form := closed("The form. Send either `audio` or `uploadId`, not both. An object is sent as its JSON.",
		may(fieldAudio, node{{"type", "string"}, {"format", "binary"}, {"description", "The recording: MP3, WAV, M4A, WebM, OGG or FLAC, detected from its content; 1 to " + strconv.FormatInt(maxAudio, 10) + " bytes, " + low + " to " + high + " minutes."}}),
		may(fieldUploadID, matching("Instead of `audio`: the id of a finished upload.", uploadPattern)),
		may(fieldLanguage, unless(node{{"type", "string"}, {"description", "An ISO 639-1 code, in upper or lower case. Languages other than English must be enabled for your account."}, {"enum", languages()}}, DefaultLanguage)),
		may(fieldExternalID, externalID()),
		may(fieldMetadata, metadataSchema(node{{"oneOf", []node{{{"type", "string"}, {"maxLength", maxMetadataValue}}, {{"type", "number"}, {"format", "double"}}, {{"type", "boolean"}}}}})),
		may(fieldTags, tagsSchema(strictly("uniqueItems", true))), // we remove duplicates
		may(fieldCut, ref("schemas", "CutSettings")),
		// A text, because generators write a boolean in a form in the way of their language, such
		// as True.
		may(fieldAllowPartial, unless(node{{"type", "string"}, {"enum", []string{"true", "false"}}, {"description", "If " + wholeWith() + " was measured but " + partialWithout() + " could not be, end as `partial` rather than `failed`."}}, "false")),
		may(fieldChannels, unless(node{{"type", "string"}, {"description", "How the channels of the recording are used. `auto`: channels that hold different voices are heard separately; a channel that is silent, hums or has the opposite polarity is left out or turned; the rest is mixed. `mixed`: one sound in any case. `separate`: one speaker to a channel; the recording must have two."}, {"enum", choices()}}, string(channels.Auto))),
		may(fieldCandidate, node{{"type", "string"}, {"description", "Who the candidate is, if you know. It overrides our own choice. `first` and `second`: the first or the second person to speak. `most`: the one who speaks most. `left` and `right`: the speaker of that channel; the recording must have two, and `channels` must not be `mixed`. If the recording turns out to have no such speaker, we choose, and `candidateDetection` says so with low confidence."}, {"enum", hints()}}),
		may(fieldWebhookURL, text("We POST the result here when the run ends. An https URL with a public host.", member{"format", "uri"}, member{"pattern", "^https://"}, member{"maxLength", maxWebhookURL})))
	return form.with(strictly("oneOf", []node{{{"required", []string{fieldAudio}}}, {{"required", []string{fieldUploadID}}}}))
}

// choices returns the ways in which a client may ask for the channels to be used.
func choices() []string {
	out := make([]string, len(channels.Choices))
	for i, c := range channels.Choices {
		out[i] = string(c)
	}
	return out
}

// languages returns the language codes that a submit accepts.
func languages() []string {
	var out []string
	for a := 'a'; a <= 'z'; a++ {
		for b := 'a'; b <= 'z'; b++ {
			c := string([]rune{a, b})
			if _, err := (&form{text: map[string][]string{fieldLanguage: {c}}}).language(); err == nil {
				out = append(out, c)
			}
		}
	}
	return out
}

// webhookNodes describes the webhook that we send.
func webhookNodes() node {
	header := func(name, about string, schema node) node {
		return node{{"name", name}, {"in", "header"}, {"required", true}, {"description", about}, {"schema", schema}}
	}
	return node{{"runCompleted", node{{"post", node{
		{"operationId", "runCompleted"}, {"tags", []string{tagWebhooks}}, {"summary", "A run has ended"},
		{"description", "We POST this to the submit's `webhookUrl` when the run has ended. We try until you answer 2xx, for about 24 h, and you may receive the same event more than once. It is signed according to Standard Webhooks: verify the signature over `id.timestamp.body` before you trust it. We do not follow redirects."},
		{"security", []node{}},
		{"parameters", []node{
			header("webhook-id", "Identifies the event: the same for every attempt. If you have already handled it, answer 2xx and do nothing more.", node{{"type", "string"}, {"minLength", 1}, {"maxLength", 128}}),
			header("webhook-timestamp", "When this attempt was made, in seconds since 1970.", node{{"type", "string"}, {"pattern", `^[0-9]{1,12}$`}}),
			header("webhook-signature", "One or more signatures, separated by spaces. Each is `v1,` followed by the HMAC-SHA256 in base64.", node{{"type", "string"}, {"pattern", `^v1,[A-Za-z0-9+/=]{44}( v1,[A-Za-z0-9+/=]{44})*$`}}),
		}},
		{"requestBody", node{{"required", true}, {"content", node{{kindJSON, node{{"schema", ref("schemas", "RunCompleted")}}}}}}},
		{"responses", node{{"2XX", node{{"description", "Received."}}}}},
	}}}}}
}
