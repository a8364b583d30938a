#!/usr/bin/env bash
# Takes the picture of the README, docs/report.png, of the report page that `make demo` left:
# picture.sh [PAGE]. The picture shows the page down to the conversation's timeline, in 64 colours.
# It needs Debian's package chromium, and ffmpeg (that of `make parts`).
set -euo pipefail
cd "$(dirname "$0")/../.."
page=$(realpath "${1:-.parley/report.html}")
ffmpeg=${FFMPEG:-${PARLEY_PARTS:-${XDG_CACHE_HOME:-$HOME/.cache}/parley/parts/$(go env GOARCH)}/bin/ffmpeg}
[ -e "$page" ] || { echo "missing: $page (make demo)" >&2; exit 1; }
for tool in chromium "$ffmpeg"; do
  command -v "$tool" >/dev/null || { echo "missing: $tool (apt-get install chromium; make parts)" >&2; exit 1; }
done
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
HOME=$work chromium --headless --no-sandbox --disable-gpu --disable-background-networking --hide-scrollbars \
  --user-data-dir="$work/profile" --window-size=1040,2400 --screenshot="$work/page.png" "file://$page" 2>"$work/log" ||
  { cat "$work/log" >&2; exit 1; }
"$ffmpeg" -v error -y -i "$work/page.png" \
  -vf 'crop=1040:2085:0:0,split[a][b];[a]palettegen=max_colors=64[p];[b][p]paletteuse=dither=none' -frames:v 1 -update 1 docs/report.png
ls -l docs/report.png
