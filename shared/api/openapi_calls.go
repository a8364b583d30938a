package api

import (
	"slices"
	"strconv"

	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech/audio"
)

const (
	tagSpeech  = "Speech"
	tagRuns    = "Runs"
	tagCredits = "Credits"
	tagService = "Service"
)

func tagNodes() []node {
	tag := func(name, about string) node { return node{{"name", name}, {"description", about}} }
	return []node{
		tag(tagSpeech, "Submit a recording, read its run, erase it."),
		tag(tagRuns, "List runs."),
		tag(tagCredits, "The balance and the ledger. A recording costs 1 credit per started minute, held at submit, charged at success, released at failure."),
		tag(tagService, "Readiness and this documentation; without a key."),
	}
}

const (
	kindJSON = "application/json"
	kindForm = "multipart/form-data"
	kindHTML = "text/html; charset=utf-8"
)

// operations are all calls, each with its route. A route without a description here has none in the document: a test sees to
// it that there is none such.
func operations() []operation {
	told := map[string]operation{}
	for _, o := range descriptions() {
		told[o.key()] = o
	}
	var out []operation
	for _, r := range allRoutes() {
		o := told[r.method+" "+r.pattern]
		o.route = r
		out = append(out, o)
	}
	return out
}

func at(method, pattern string) route { return route{method: method, pattern: pattern} }

func descriptions() []operation {
	runPath := node{{"name", "id"}, {"in", "path"}, {"required", true}, {"description", "The run's id, as the submit answered it."},
		{"schema", matching("The run's id.", runPattern)}, {"example", exampleRequest}}
	list := []node{
		parameter("limit", "How many at most.", node{{"type", "integer"}, {"minimum", 1}, {"maximum", maxLimit}, {"default", defaultLimit}}),
		parameter("cursor", "The `nextCursor` of the page before. It belongs to this client and these filters.", node{{"type", "string"}, {"pattern", cursorPattern}}),
	}
	noted := []node{{{"name", "If-None-Match"}, {"in", "header"}, {"description", "The ETag of what you have."},
		{"schema", node{{"type", "string"}}}}}
	documentHeaders := []string{"ETag", "Cache-Control"}
	unchanged := described{status: 304, text: "You have it already.", headers: documentHeaders}
	page := described{status: 200, text: "A page of runs. A run that has ended has the shape of the poll without transcript and analysis.", kind: kindJSON, schema: ref("schemas", "RunPage"),
		examples: []named{{"page", "A page with more behind it", example("runs")}}}
	filters := append(slices.Clone(list),
		parameter("status", "Only runs with this status.", node{{"type", "string"}, {"enum", run.Statuses}}),
		parameter("serviceType", "Only runs of this service; only speech has runs here.", node{{"type", "string"}, {"enum", services}}),
		parameter("externalId", "Only runs with this externalId.", node{{"type", "string"}, {"minLength", 1}, {"maxLength", maxExternalID}}),
		parameter("tag", "Only runs with this tag.", node{{"type", "string"}, {"minLength", 1}, {"maxLength", maxTag}, {"pattern", `\S`}}),
		parameter("createdAfter", "Only runs submitted at this moment or later; write the + of an offset as %2B.", node{{"type", "string"}, {"format", "date-time"}}),
		parameter("createdBefore", "Only runs submitted before this moment.", node{{"type", "string"}, {"format", "date-time"}}))
	return []operation{
		{route: at("POST", "/speech/analyze"), id: "submitRecording", tag: tagSpeech, summary: "Submit a recording",
			text: "Checks the recording, holds its credits and starts a run, or queues it. Checks run in this order, cheapest first, and the first failure answers: key, rate, readiness, fields, audio, language grant, credits. A submit that is refused leaves no run, no hold and no file behind.\n\n" +
				"An inline body may have about 4.4 MB; a larger one answers 413 with `details.uploadsUrl`: ask for an upload there, post the file to it, and submit with its `uploadId`.\n\n" +
				"Send an Idempotency-Key, and a repeated submit is never billed twice.",
			raises: []errcode.Place{errcode.Submit},
			params: []node{{{"name", "Idempotency-Key"}, {"in", "header"},
				{"description", "Any string of your own, kept 24 h. The same key with the same input answers the first 202 again; with another input 409 IDEMPOTENCY_KEY_REUSED; while the first is in flight 409 IDEMPOTENCY_IN_PROGRESS."},
				{"schema", node{{"type", "string"}, {"minLength", 1}, {"maxLength", maxIdempotency}}}, {"example", "5f1c0c5e-interview-1042"}}},
			body: node{{"required", true}, {"description", "Fields in any order; only `tags` may be repeated."}, {"content", node{{kindForm, node{
				{"schema", submitSchema()},
				{"encoding", node{
					{"audio", node{{"contentType", "application/octet-stream, audio/*, video/*"}}},
					{"metadata", node{{"contentType", kindJSON}}}, {"tags", node{{"contentType", kindJSON}}}, {"cutSettings", node{{"contentType", kindJSON}}},
				}},
				{"examples", node{
					{"upload", node{{"summary", "A finished upload, with all fields"}, {"value", node{
						{"uploadId", "upl_koq5vxujigy7cxpynsbto6yult"}, {"language", "en"}, {"externalId", "interview-1042"},
						{"metadata", node{{"position", "support"}, {"round", 2}}}, {"tags", []string{"june", "support"}},
						{"cutSettings", node{{"startSeconds", 12.5}, {"minSilenceMs", 300}}}, {"allowPartial", false}}}}},
				}},
			}}}}},
			answers: []described{{status: 202, text: "Accepted.", headers: []string{"Location", "Idempotency-Replayed"}, kind: kindJSON, schema: ref("schemas", "AcceptedRun"),
				examples: []named{{"accepted", "A run that started at once", example("accepted")}}}}},
		{route: at("GET", "/speech/analyze/{id}"), id: "getRun", tag: tagSpeech, summary: "Read a run",
			text:   "200 whatever became of the run: read `status`. A run that has ended is free to read; one that has not may be polled every 10 s, better as often as `pollIntervalSeconds` and Retry-After say. An unknown id and another client's are answered alike.",
			raises: []errcode.Place{errcode.Poll}, params: []node{runPath},
			answers: []described{{status: 200, text: "The run.", headers: []string{"Retry-After"}, kind: kindJSON,
				schema: node{{"oneOf", []node{ref("schemas", "LiveRun"), ref("schemas", "FinishedRun")}}},
				examples: []named{{"processing", "A run on its way", example("processing")}, {"success", "A run that succeeded (its lists are shortened here)", example("success")},
					{"failed", "A run that failed", example("failed")}}}}},
		{route: at("DELETE", "/speech/analyze/{id}"), id: "eraseRun", tag: tagSpeech, summary: "Erase a run",
			text:   "Erases the audio, the transcript and the scores of a run that has ended. The run's own line and the ledger stay. Erasing again answers the same.",
			raises: []errcode.Place{errcode.Erase}, params: []node{runPath},
			answers: []described{{status: 204, text: "Erased."}}},
		{route: at("POST", "/speech/uploads"), id: "createUpload", tag: tagSpeech, summary: "Ask for an upload",
			text:   "For audio too large to be sent inline. Post a multipart form of `fields` and then the file (as `file`) to `url` within the hour, then submit with `uploadId`: the submit judges the file as it would an inline one.",
			raises: []errcode.Place{errcode.Uploads},
			body: node{{"required", true}, {"content", node{{kindJSON, node{{"schema", ref("schemas", "UploadRequest")},
				{"examples", node{{"interview", node{{"summary", "An MP3 of 12 MB"}, {"value", node{{"sizeBytes", 12000000}, {"contentType", "audio/mpeg"}}}}}}}}}}}},
			answers: []described{{status: 201, text: "The upload may be posted.", kind: kindJSON, schema: ref("schemas", "Upload"),
				examples: []named{{"upload", "A presigned POST (policy and signature shortened)", example("uploads")}}}}},
		{route: at("GET", "/runs"), id: "listRuns", tag: tagRuns, summary: "List runs", text: "The client's runs, newest first. Pages stay in step while new runs arrive.",
			raises: []errcode.Place{errcode.List}, params: filters, answers: []described{page}},
		{route: at("GET", "/speech/runs"), id: "listSpeechRuns", tag: tagRuns, summary: "List speech runs", text: "The same as `/runs` with serviceType=speech.",
			raises: []errcode.Place{errcode.List}, params: filters, answers: []described{page}},
		{route: at("GET", "/credits"), id: "getCredits", tag: tagCredits, summary: "Read the balance", text: "Balance, what is held, what is available, usage, and the latest entries of the ledger.",
			answers: []described{{status: 200, text: "The account.", kind: kindJSON, schema: ref("schemas", "Credits"), examples: []named{{"account", "An account with one charge", example("credits")}}}}},
		{route: at("GET", "/credits/transactions"), id: "listTransactions", tag: tagCredits, summary: "Read the ledger", text: "Every entry there ever was, newest first.",
			raises: []errcode.Place{errcode.Ledger}, params: list,
			answers: []described{{status: 200, text: "A page of entries.", kind: kindJSON, schema: ref("schemas", "TransactionPage"), examples: []named{{"page", "A page with more behind it", example("transactions")}}}}},
		{route: at("GET", "/health"), id: "getHealth", tag: tagService, summary: "Read the readiness", text: "Whether submits are taken, with the state of each part. 503 SERVICE_WARMING_UP while they are not, with the parts in `details`.",
			raises:  []errcode.Place{errcode.Health},
			answers: []described{{status: 200, text: "Every part is ready.", kind: kindJSON, schema: ref("schemas", "Health"), examples: []named{{"ready", "All parts are ready", example("health")}}}}},
		{route: at("GET", "/openapi.json"), id: "getOpenAPI", tag: tagService, summary: "Read this document", text: "The OpenAPI 3.1 document of this interface.", params: noted,
			answers: []described{{status: 200, text: "The document.", headers: documentHeaders, kind: kindJSON, schema: node{{"type", "object"}, {"description", "An OpenAPI document."}, {"required", []string{"openapi", "info", "paths"}}}}, unchanged}},
		{route: at("GET", "/docs"), id: "getDocs", tag: tagService, summary: "Read it as a page", text: "The same for people, as one HTML page.", params: noted,
			answers: []described{{status: 200, text: "The page.", headers: documentHeaders, kind: kindHTML, schema: node{{"type", "string"}, {"description", "HTML."}}}, unchanged}},
	}
}

func parameter(name, about string, schema node) node {
	return node{{"name", name}, {"in", "query"}, {"description", about}, {"schema", schema}}
}

// submitSchema is the form of a submit. Text fields are strings on the wire; an object or a list is its JSON.
func submitSchema() node {
	low, high := strconv.Itoa(int(audio.Bounds.MinLength.Minutes())), strconv.Itoa(int(audio.Bounds.MaxLength.Minutes()))
	form := closed("The form. Either `audio` or `uploadId`.",
		may(fieldAudio, node{{"type", "string"}, {"format", "binary"}, {"description", "The recording: MP3, WAV, M4A, WebM, OGG or FLAC, judged by content; 1 to " + strconv.FormatInt(maxAudio, 10) + " bytes, " + low + " to " + high + " minutes."}}),
		may(fieldUploadID, matching("Instead of audio: a finished upload.", uploadPattern)),
		may(fieldLanguage, node{{"type", "string"}, {"description", "ISO 639-1, in either case. Other languages than English need a grant."}, {"enum", languages()}, {"default", DefaultLanguage}}),
		may(fieldExternalID, externalID()),
		may(fieldMetadata, metadataSchema(node{{"type", []string{"string", "number", "boolean"}}, {"maxLength", maxMetadataValue}})),
		may(fieldTags, tagsSchema()),
		may(fieldCut, ref("schemas", "CutSettings")),
		may(fieldAllowPartial, node{{"type", "boolean"}, {"description", "End `partial` rather than `failed` where " + wholeWith() + " was measured but " + partialWithout() + " could not be."}, {"default", false}}),
		may(fieldWebhookURL, text("Told of the run's end as well: https, a public host.", member{"format", "uri"}, member{"pattern", "^https://"}, member{"maxLength", maxWebhookURL})))
	return form.with(member{"oneOf", []node{{{"required", []string{fieldAudio}}}, {{"required", []string{fieldUploadID}}}}})
}

// languages are the codes that a submit takes.
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

// webhookNodes is what is pushed.
func webhookNodes() node {
	header := func(name, about string, schema node) node {
		return node{{"name", name}, {"in", "header"}, {"required", true}, {"description", about}, {"schema", schema}}
	}
	return node{{"runCompleted", node{{"post", node{
		{"operationId", "runCompleted"}, {"tags", []string{tagSpeech}}, {"summary", "A run has ended"},
		{"description", "Posted to the submit's `webhookUrl` when the run has ended, at least once, and again over about 24 h until a 2xx. Signed as Standard Webhooks has it: check the signature over `id.timestamp.body` before you trust it. Redirects are not followed."},
		{"security", []node{}},
		{"parameters", []node{
			header("webhook-id", "Names the event: the same at each try. Answer 2xx to one that you have had, and do nothing more.", node{{"type", "string"}, {"minLength", 1}, {"maxLength", 128}}),
			header("webhook-timestamp", "When this try was made: seconds since 1970.", node{{"type", "string"}, {"pattern", `^[0-9]{1,12}$`}}),
			header("webhook-signature", "One signature or more, parted by a space: `v1,` and base64 of HMAC-SHA256.", node{{"type", "string"}, {"pattern", `^v1,[A-Za-z0-9+/=]{44}( v1,[A-Za-z0-9+/=]{44})*$`}}),
		}},
		{"requestBody", node{{"required", true}, {"content", node{{kindJSON, node{{"schema", ref("schemas", "RunCompleted")}}}}}}},
		{"responses", node{{"2XX", node{{"description", "Taken."}}}}},
	}}}}}
}
