# Needs Python 3.9 or later, and nothing else. Call it with a recording of 3 to 45 minutes.
import json, os, sys, time, urllib.request, uuid

API = os.environ["PARLEY_URL"] + "/api/v1"


def call(path, body=None, kind=None):
    headers = {"X-API-Key": os.environ["PARLEY_API_KEY"]}
    if kind:
        headers["Content-Type"] = kind
    with urllib.request.urlopen(urllib.request.Request(API + path, body, headers)) as answer:
        return json.load(answer)


def form(file, **fields):
    boundary = uuid.uuid4().hex
    parts = [f'Content-Disposition: form-data; name="{k}"\r\n\r\n{v}'.encode() for k, v in fields.items()]
    with open(file, "rb") as f:
        parts.append(b'Content-Disposition: form-data; name="audio"; filename="interview"\r\n\r\n' + f.read())
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), p) for p in parts)
    return body + b"--%s--\r\n" % boundary.encode(), f"multipart/form-data; boundary={boundary}"


accepted = call("/speech/analyze", *form(sys.argv[1], externalId="interview-1042"))
while True:
    run = call("/speech/analyze/" + accepted["id"])
    if run["completedAt"]:
        break
    time.sleep(run["pollIntervalSeconds"])
print(json.dumps({k: run[k] for k in ("id", "status", "error", "scores")}, indent=2))
