# Needs curl and jq. Call it with a recording of 3 to 45 minutes.
set -eu
api=$PARLEY_URL/api/v1
run=$(curl -sS --fail-with-body -H "X-API-Key: $PARLEY_API_KEY" \
  -F "audio=@$1" -F externalId=interview-1042 "$api/speech/analyze")
id=$(printf %s "$run" | jq -r .id)
while printf %s "$run" | jq -e '.completedAt == null' >/dev/null; do
  [ "$(printf %s "$run" | jq .progress)" = null ] || sleep "$(printf %s "$run" | jq .pollIntervalSeconds)"
  run=$(curl -sS --fail-with-body -H "X-API-Key: $PARLEY_API_KEY" "$api/speech/analyze/$id")
done
printf %s "$run" | jq '{id, status, error, scores}'
