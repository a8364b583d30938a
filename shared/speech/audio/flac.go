package audio

// flacParts finds the FLAC files that lie behind one another, each perhaps behind tags of its own,
// which belong to none.
func flacParts(w *window, from int64) []part {
	parts := []part{{from: from}}
	for at := from + 4; len(parts) <= maxParts; {
		at = w.find("fLaC", at, w.size)
		if at < 0 {
			break
		}
		// What must follow is the block STREAMINFO of 34 bytes (RFC 9639), the last block or not.
		if next := w.bytes(at+4, 4); hasAny(next, "\x00\x00\x00\x22", "\x80\x00\x00\x22") {
			parts[len(parts)-1].to = tagsBefore(w, parts[len(parts)-1].from, at)
			parts = append(parts, part{from: at})
		}
		at += 4
	}
	return parts
}

// maxCandidates is how many places are looked at for the tag before a file.
const maxCandidates = 1024

// tagsBefore is where the tags begin that stand right before an offset; the offset itself where
// there are none.
func tagsBefore(w *window, from, at int64) int64 {
	tag := w.find("ID3", from, at)
	for range maxCandidates {
		if tag < 0 {
			break
		}
		if end := skipTags(w, tag); end == at || end < at && skipPadding(w, end) == at {
			return tag
		}
		tag = w.find("ID3", tag+3, at)
	}
	return at
}
