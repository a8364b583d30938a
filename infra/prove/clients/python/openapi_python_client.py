"""Submits and reads with the client that openapi-python-client makes."""

import time

import say
from parley_client import AuthenticatedClient
from parley_client.api.speech import get_run, submit_recording
from parley_client.models import AcceptedRun, CutSettings, Error, FinishedRun, LiveRun, Submission, SubmissionAllowPartial, SubmissionMetadata
from parley_client.types import File

client = AuthenticatedClient(base_url=say.URL, token=say.KEY, prefix="", auth_header_name="X-API-Key")


def form(file, **more):
    metadata = SubmissionMetadata()
    metadata.additional_properties = {"position": "support", "hours": 2.5, "remote": True}
    return Submission(
        audio=File(payload=open(file, "rb"), file_name="interview"),
        external_id=say.EXTERNAL_ID,
        tags=say.TAGS,
        allow_partial=SubmissionAllowPartial.TRUE,
        metadata=metadata,
        **more,
    )


refused = submit_recording.sync(client=client, body=form(say.SHORT, cut_settings=CutSettings(min_silence_ms=300)))
assert isinstance(refused, Error)
accepted = submit_recording.sync(client=client, body=form(say.RECORDING), idempotency_key=say.REPEAT)
assert isinstance(accepted, AcceptedRun), accepted
while True:
    run = get_run.sync(accepted.id, client=client)
    if isinstance(run, Error):
        time.sleep(run.error.retry_after_seconds)
        continue
    if isinstance(run, LiveRun):
        time.sleep(run.poll_interval_seconds)
        continue
    break
assert isinstance(run, FinishedRun)
say.say(
    refusal=refused.error.code.value,
    id=accepted.id,
    status=run.status.value,
    fluency=run.scores.fluency,
    level=run.scores.accent_cefr.value,
    words=sum(len(s.words) for s in run.transcript.segments),
    measures=len(run.analysis.fluency.measures),
)
