#!/usr/bin/env python3
"""Speaks the interviews of scripts/*.txt with Kokoro's voices, and records who says what and when.

usage: speak.py MODELS OUT [NAME ...]      needs numpy, onnxruntime (speak-requirements.txt), espeak-ng, ffmpeg

MODELS is the folder that speak.sh fills. OUT gets for each script NAME.flac (16 kHz mono) and NAME.json (duration and
segments: start, end, speaker, text), one segment a sentence. What is there already is left. The same script and the
same models give the same samples.

A script has a line a statement; # begins a remark:
  seed N                            draws the pauses and the noise
  room DB                           how far the noise of the room lies below the speech
  worse telephone KBIT              the call goes through Opus at 8 kHz
  voice NAME KOKORO SPEED DB        a speaker, its voice, and its level against -23 dB of full scale
  NAME [HOW NUMBER]: TEXT           a turn; HOW is pause (s of silence before it), cutting (s before the other ends)
                                    or during (share of the turn before after which it begins, across that turn)
  ring, tone                        a ring and a tone, which are no speech
A speaker's role is its name up to the last hyphen.
"""
import json, os, random, re, subprocess, sys
import numpy as np
import onnxruntime as ort

SR, RATE = 16000, 24000  # of the recordings, of Kokoro
LOUD = -23  # dB of full scale of speech at level 0
SHORT = 28  # characters: so short a sentence is spoken with the next
RAW = ["-f", "s16le", "-ar", str(SR), "-ac", "1"]

# What espeak-ng would spell out, and its phonemes as Kokoro was taught them (the table of misaki).
SOUNDS = {"mm-hm": "əmhˈʌm", "uh-huh": "əhˈʌ"}
MISAKI = [("a^ɪ", "I"), ("a^ʊ", "W"), ("d^ʒ", "ʤ"), ("e^ɪ", "A"), ("t^ʃ", "ʧ"), ("ɔ^ɪ", "Y"), ("ə^l", "ᵊl"), ("ʔn", "tn"),
          ("ʔ", "t"), ("ʲo", "jo"), ("ʲə", "jə"), ("ʲ", ""), ("r", "ɹ"), ("x", "k"), ("ç", "k"), ("ɐ", "ə"), ("ɬ", "l"), ("\u0303", "")]
BRITISH = [("e^ə", "ɛː"), ("i^ə", "ɪə"), ("ə^ʊ", "Q"), ("ɚ", "ə"), ("e", "ɛ")]
AMERICAN = [("o^ʊ", "O"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɪə", "iə"), ("ɚ", "əɹ"), ("ɾ", "T"), ("ː", ""), ("e", "A")]


class Kokoro:
    def __init__(self, models):
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
        self.session = ort.InferenceSession(models + "/kokoro.onnx", options, providers=["CPUExecutionProvider"])
        self.vocabulary = json.load(open(models + "/vocab.json"))["vocab"]
        self.models = models

    def phonemes(self, text, british):
        """espeak-ng drops the punctuation, which Kokoro needs, so what lies between is asked for alone."""
        out = ""
        for part in re.split(r"([;:,.!?]+)", text):
            bare = part.strip()
            if not re.search(r"\w", bare):
                out += part
                continue
            p = SOUNDS.get(bare.lower())
            if p is None:
                call = ["espeak-ng", "-v", "en-gb" if british else "en-us", "-q", "--ipa", "--tie=^", "--", bare]
                p = " ".join(subprocess.run(call, stdout=subprocess.PIPE, check=True).stdout.decode().split())
            for old, new in MISAKI + (BRITISH if british else AMERICAN):
                p = p.replace(old, new)
            p = re.sub("(\\S)\u0329", r"ᵊ\1", p).replace("^", "").replace("o", "ɔ")
            out += " " * part.startswith(" ") + p + " " * part.endswith(" ")
        return out

    def say(self, text, voice, speed):
        """The samples at 16 kHz, without silence around them."""
        tokens = [self.vocabulary[c] for c in self.phonemes(text, voice[0] == "b") if c in self.vocabulary]
        styles = np.fromfile(f"{self.models}/voices/{voice}.bin", np.float32).reshape(-1, 256)
        x = self.session.run(None, {"tokens": np.array([[0, *tokens, 0]], np.int64), "style": styles[len(tokens) - 1][None],
                                    "speed": np.array([speed], np.float32)})[0].ravel().astype(np.float64)
        loud = np.flatnonzero(np.abs(x) > .01 * np.abs(x).max())
        x = x[max(0, loud[0] - RATE // 40):loud[-1] + RATE // 14]
        return down(edges(x, RATE // 100))


def edges(x, n):
    x[:n] *= np.linspace(0, 1, n)
    x[-n:] *= np.linspace(1, 0, n)
    return x


def down(x):
    """From 24 to 16 kHz, nothing above 7.9 kHz."""
    x = np.pad(x, (0, -len(x) % 3))
    f = np.fft.rfft(x) * np.clip((7900 - np.fft.rfftfreq(len(x), 1 / RATE)) / 300, 0, 1)
    n = len(x) // 3 * 2
    return np.fft.irfft(f[:n // 2 + 1], n) * 2 / 3


def power(x):
    """The mean power of the 20 ms within 30 dB of the loud ones: of what is said, without the pauses."""
    p = (x[:len(x) // 320 * 320].reshape(-1, 320) ** 2).mean(axis=1)
    return p[p > np.percentile(p, 95) / 1000].mean()


def room(n, rs):
    """Pink noise of power 1, 60 to 7000 Hz."""
    f = np.fft.rfft(rs.normal(size=n))
    hz = np.fft.rfftfreq(n, 1 / SR)
    f *= (hz > 60) * (hz < 7000) / np.sqrt(np.maximum(hz, 60))
    x = np.fft.irfft(f, n)
    return x / np.sqrt((x ** 2).mean())


def through(pcm, *call):
    return subprocess.run(["ffmpeg", "-v", "error", *call], input=pcm, stdout=subprocess.PIPE, check=True).stdout


def telephone(x, kbit):
    coded = through(clip(x).tobytes(), *RAW, "-i", "-", "-ar", "8000", "-c:a", "libopus", "-b:a", f"{kbit}k", "-application", "voip", "-f", "ogg", "-")
    y = np.frombuffer(through(coded, "-i", "-", "-af", "aresample=8000,aresample=16000", *RAW, "-"), "<i2").astype(np.float64)
    return np.pad(y, (0, max(0, len(x) - len(y))))[:len(x)]


def clip(x):
    return np.clip(np.rint(x), -32768, 32767).astype("<i2")


def sound(what):
    t = np.arange(SR * (2 if what == "ring" else .5)) / SR
    x = np.sin(2 * np.pi * 440 * t) + np.sin(2 * np.pi * 480 * t) if what == "ring" else np.sin(2 * np.pi * 1000 * t)
    return edges(x, SR // 100) * 32768 * np.sqrt(10 ** -2.7 / (x ** 2).mean())


def sentences(text):
    out = []
    for s in re.split(r"(?<=[.?!])\s+", text.strip()):
        if out and len(out[-1]) < SHORT:
            out[-1] += " " + s
        else:
            out.append(s)
    if len(out) > 1 and len(out[-1]) < SHORT:
        out[-2:] = [out[-2] + " " + out[-1]]
    return out


def read(path):
    script = {"voices": {}, "turns": [], "worse": []}
    for line in open(path):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        turn = re.fullmatch(r"(\S+?)(?: \[(pause|cutting|during) ([\d.]+)\])?: (.+)", line)
        word, *rest = line.split()
        if turn:
            voice, how, number, text = turn.groups()
            script["turns"].append((voice, {how: float(number)} if how else {}, text))
        elif word in ("ring", "tone"):
            script["turns"].append((word, {}, ""))
        elif word == "voice":
            script["voices"][rest[0]] = (rest[1], float(rest[2]), float(rest[3]))
        elif word == "worse":
            script["worse"].append((rest[0], int(rest[1])))
        elif word in ("seed", "room"):
            script[word] = int(rest[0])
        else:
            sys.exit(f"{path}: no statement: {line}")
    return script


def compose(script, kokoro):
    """The samples and the segments of a script."""
    r, rs = random.Random(script["seed"]), np.random.RandomState(script["seed"])
    voices = script["voices"]
    said = [[(s, kokoro.say(s, *voices[v][:2])) for s in sentences(text)] if v in voices else [] for v, _, text in script["turns"]]
    gain = {}
    for v in voices:
        x = np.concatenate([y for (w, _, _), part in zip(script["turns"], said) if w == v for _, y in part])
        gain[v] = 32768 * np.sqrt(10 ** ((LOUD + voices[v][2]) / 10) / power(x))
    placed, segments, end, last = [], [], r.uniform(.4, 1), (0, 0)
    for (v, how, _), part in zip(script["turns"], said):
        at = end + how.get("pause", r.uniform(.2, 1.2))
        if "during" in how:
            at = last[0] + how["during"] * (last[1] - last[0])
        elif "cutting" in how:
            at = end - how["cutting"]
        begin = at
        if v not in voices:
            x = sound(v)
            placed.append((at, x))
            end = at + len(x) / SR + 2 * (v == "ring")
            continue
        for i, (text, x) in enumerate(part):
            at += r.uniform(.15, .5) * (i > 0)
            segments.append({"start": round(at, 3), "end": round(at + len(x) / SR, 3), "speaker": re.sub(r"-\d+$", "", v), "voice": v, "text": text})
            placed.append((at, x * gain[v]))
            at += len(x) / SR
        if "during" not in how:
            last = (begin, at)
        end = max(end, at)
    x = np.zeros(int((end + r.uniform(.4, 1)) * SR))
    for at, y in placed:
        i = int(round(at * SR))
        x[i:i + len(y)] += y[:len(x) - i]
    x += room(len(x), rs) * np.sqrt(power(x) / 10 ** (script["room"] / 10))
    for _, kbit in script["worse"]:
        x = telephone(x, kbit)
    return x / max(1, np.abs(x).max() / 32767), sorted(segments, key=lambda s: s["start"])


def main():
    models, out, *only = sys.argv[1:]
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scripts")
    os.makedirs(out, exist_ok=True)
    kokoro = Kokoro(models)
    for name in only or sorted(f[:-4] for f in os.listdir(folder) if f.endswith(".txt")):
        to = f"{out}/{name}"
        if os.path.exists(to + ".json"):
            continue
        x, segments = compose(read(f"{folder}/{name}.txt"), kokoro)
        through(clip(x).tobytes(), "-y", *RAW, "-i", "-", "-map_metadata", "-1", "-f", "flac", to + ".flac")
        with open(to + ".part", "w") as f:
            json.dump({"duration": round(len(x) / SR, 3), "segments": segments}, f, indent=1)
        os.replace(to + ".part", to + ".json")
        print(f"{name}: {len(x) / SR:.0f} s", flush=True)


if __name__ == "__main__":
    main()
