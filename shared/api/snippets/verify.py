import base64, hashlib, hmac, time


def verify(secret, headers, body):
    """Tells whether a webhook is ours: headers by their lower-case names, body as the bytes received."""
    id, at = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(at)) > 5 * 60:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{id}.{at}.".encode() + body
    want = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(want, one) for one in headers["webhook-signature"].split(" "))
