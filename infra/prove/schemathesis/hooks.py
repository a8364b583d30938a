"""What the fuzzer cannot know by itself: what a recording is."""

import os

import schemathesis

with open(os.environ["PARLEY_FUZZ_RECORDING"], "rb") as file:
    RECORDING = file.read()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Gives most well-meant submits a recording, so that the checks behind it are reached."""
    if case.operation.definition.raw.get("operationId") != "submitRecording":
        return
    meta = getattr(case, "meta", None)
    if meta is None or meta.generation.mode.name != "POSITIVE":
        return
    body = case.body
    if isinstance(body, dict) and isinstance(body.get("audio"), bytes) and len(body["audio"]) % 4:
        body["audio"] = RECORDING
