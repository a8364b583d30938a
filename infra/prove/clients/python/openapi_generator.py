"""Submits and reads with the client that openapi-generator's python makes."""

import time

import openapi_client
import say

client = openapi_client.SpeechApi(openapi_client.ApiClient(openapi_client.Configuration(host=say.URL, api_key={"key": say.KEY})))


def submit(file, **more):
    with open(file, "rb") as f:
        return client.submit_recording(
            audio=("interview", f.read()),
            external_id=say.EXTERNAL_ID,
            tags=say.TAGS,
            allow_partial="true",
            metadata={
                "position": openapi_client.SubmissionMetadataValue("support"),
                "hours": openapi_client.SubmissionMetadataValue(2.5),
                "remote": openapi_client.SubmissionMetadataValue(True),
            },
            **more,
        )


try:
    submit(say.SHORT, cut_settings=openapi_client.CutSettings(minSilenceMs=300))
    refusal = None
except openapi_client.exceptions.BadRequestException as e:
    refusal = e.data.error.code
accepted = submit(say.RECORDING, idempotency_key=say.REPEAT)
while True:
    try:
        run = client.get_run(accepted.id).actual_instance
    except openapi_client.ApiException as e:
        if e.status != 429:
            raise
        time.sleep(e.data.error.retry_after_seconds)
        continue
    if isinstance(run, openapi_client.FinishedRun):
        break
    time.sleep(run.poll_interval_seconds)
say.say(
    refusal=refusal,
    id=accepted.id,
    status=run.status,
    fluency=run.scores.fluency,
    level=run.scores.accent_cefr,
    words=sum(len(s.words) for s in run.transcript.segments),
    measures=len(run.analysis.fluency.measures),
)
