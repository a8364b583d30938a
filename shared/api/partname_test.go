package api

import (
	"strings"
	"testing"
)

// Ensure that the name of a part survives whatever stands in the name of its file, wherever it
// stands, and that a part without a name has none.
func TestPartName(t *testing.T) {
	for _, tt := range []struct {
		disposition, name string
		named             bool
	}{
		{`form-data; name="audio"; filename="talk.m4a"`, "audio", true},
		{`form-data; name="audio"; filename="Zoë 面接 – 14.3.m4a"`, "audio", true},
		{`form-data; name="audio"; filename="x.m4a"; filename*=UTF-8''%E9%9D%A2%E6%8E%A5.m4a`, "audio", true},
		{`form-data; name="audio"; filename*=UTF-8''%ZZ`, "audio", true},
		{`form-data; name="audio"; filename*0="a"; filename*1="b"`, "audio", true},
		{`form-data; name="audio"; filename="C:\Users\zoe\"`, "audio", true},
		{`form-data; name=audio; filename=talk.m4a;`, "audio", true},
		{`form-data; name="audio"; filename=Interview Anna 14.3.m4a`, "audio", true},
		{`form-data; name="audio"; filename="the "final" cut.m4a"`, "audio", true},
		{`form-data; name="audio"; filename=talk(1).m4a`, "audio", true},
		{`form-data; name="audio"; filename=[a]{b}<c>@d,e:f?g=h.m4a`, "audio", true},
		{`form-data; name="audio"; filename=面接.m4a`, "audio", true},
		{`form-data; name="audio"; filename="a; name=tags; b.m4a"`, "audio", true},
		{`form-data; name="audio"; filename="a"; name="tags"`, "audio", true},
		{`form-data; name="audio"; filename=x; name*=UTF-8''tags`, "audio", true},
		{`FORM-DATA;NAME=audio;FILENAME=x`, "audio", true},
		{"form-data;\tname = \"audio\" ;\tfilename = \"x\"", "audio", true},
		{`form-data; filename="the "final" cut.m4a"; name="audio"`, "audio", true},
		{`form-data; filename=Interview Anna.m4a; name=audio;`, "audio", true},
		{`form-data; filename="a"; name*=UTF-8''tags; name="audio"`, "audio", true},
		{`form-data; filename="a"; name="audio"; x="y"`, "audio", true},
		{`form-data; name="a\"b"`, `a"b`, false},
		{`form-data; name="audio"; filename=""`, "audio", false},
		{`form-data; name="audio"; filename=`, "audio", false},
		{`form-data; name="audio"`, "audio", false},
		{`form-data; name=""; filename="x"`, "", true},
		{`form-data; filename="x"`, "", true},
		{`form-data`, "", false},
		{`attachment; name="audio"; filename="x"`, "", false},
		{`name="audio"`, "", false},
		{``, "", false},
	} {
		if name, named := partName(tt.disposition); name != tt.name || named != tt.named {
			t.Errorf("%s: %q, named %v, want %q, named %v", tt.disposition, name, named, tt.name, tt.named)
		}
	}
}

// Ensure that no file name, however it is written, costs a part its name or gives it another.
func FuzzPartName(f *testing.F) {
	for _, seed := range []string{"talk.m4a", `a"; name="tags`, "面接", "x; name*=UTF-8''tags", `\`, `";`, "", "a; name=tags", `"`, strings.Repeat("x", 5000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		if strings.ContainsAny(file, "\r\n") {
			t.Skip("it would end the header")
		}
		for _, written := range []string{`filename="` + file + `"`, "filename=" + file, "filename*=UTF-8''" + file, `filename="x"; filename*=` + file} {
			for _, disposition := range []string{`form-data; name="audio"; ` + written, "form-data; name=audio; " + written, "form-data; " + written + `; name="audio"`} {
				if name, _ := partName(disposition); name != "audio" {
					t.Errorf("%s: %q", disposition, name)
				}
			}
		}
	})
}
