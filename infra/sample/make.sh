#!/usr/bin/env bash
# Makes interview.opus from interview.txt: two synthetic voices (flite's slt and rms), the pauses of
# the script, and a little room noise. It needs Debian's packages flite and sox, and ffmpeg
# (FFMPEG=path; that of `make parts` will do).
set -euo pipefail
cd "$(dirname "$0")"
ffmpeg=${FFMPEG:-${PARLEY_PARTS:-${XDG_CACHE_HOME:-$HOME/.cache}/parley/parts/$(go env GOARCH)}/bin/ffmpeg}
for tool in flite sox "$ffmpeg"; do
  command -v "$tool" >/dev/null || { echo "missing: $tool (apt-get install flite sox; make parts)" >&2; exit 1; }
done
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
n=0; pieces=()
while read -r speaker pause text; do
  [[ $speaker == [IC] ]] || continue
  n=$((n + 1)); piece=$work/$(printf %03d "$n").wav
  if [[ $speaker == I ]]; then voice=slt; stretch=1.0; else voice=rms; stretch=1.03; fi
  flite -voice "$voice" --setf duration_stretch="$stretch" -t "$text" -o "$work/raw.wav"
  sox "$work/raw.wav" -r 16000 -c 1 -b 16 "$piece" norm -6 pad 0 "$(awk "BEGIN{print $pause/1000}")"
  pieces+=("$piece")
done < interview.txt
sox "${pieces[@]}" "$work/speech.wav" pad 0.5 0.5
sox -R -n -r 16000 -c 1 -b 16 "$work/noise.wav" synth "$(soxi -D "$work/speech.wav")" pinknoise vol 0.002
sox -m -v 1 "$work/speech.wav" -v 1 "$work/noise.wav" -b 16 "$work/mix.wav"
"$ffmpeg" -nostdin -v error -y -i "$work/mix.wav" -c:a libopus -b:a 16k -application voip -map_metadata -1 -fflags +bitexact -flags:a +bitexact -f ogg interview.opus
soxi -D "$work/mix.wav"
