"""What every Python client sends, and how it says what it did."""

import json
import os

URL = os.environ["PARLEY_URL"] + "/api/v1"
KEY = os.environ["PARLEY_API_KEY"]
RECORDING = os.environ["PARLEY_RECORDING"]
SHORT = os.environ["PARLEY_SHORT"]
# Every client's submit is the same input under one Idempotency-Key, so all read one run.
REPEAT = os.environ["PARLEY_IDEMPOTENCY"]
EXTERNAL_ID = "clients-1"
TAGS = ["june", "support team"]


def say(**what):
    print(json.dumps(what))
