package amazon

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/transcribe/types"
)

// Languages says which of the service's languages are asked for by a run's: those of an operator's
// list, else usual's, else the first that the service has.
type Languages struct{ listed []types.LanguageCode }

// Setting is the value of a deployment's setting that chooses this recogniser. A colon and a list
// of the service's languages may follow: amazon:en-GB,en-IN,es-ES.
const Setting = "amazon"

// usual is the variety that stands for a language which the service has several of.
var usual = map[string]types.LanguageCode{
	"ar": types.LanguageCodeArSa, "de": types.LanguageCodeDeDe, "en": types.LanguageCodeEnUs, "es": types.LanguageCodeEsUs, "et": types.LanguageCodeEtEe,
	"fr": types.LanguageCodeFrFr, "pt": types.LanguageCodePtPt, "sw": types.LanguageCodeSwKe, "zh": types.LanguageCodeZhCn,
}

// renamed maps ISO 639-1 codes to those that the service has for them.
var renamed = map[string]string{"nb": "no"}

// maxListed is how many varieties of one language the service should choose among.
const maxListed = 5

// ParseSetting reads the setting. chosen is false where it chooses another recogniser.
func ParseSetting(setting string) (l Languages, chosen bool, err error) {
	name, list, listed := strings.Cut(setting, ":")
	if name != Setting {
		return l, false, nil
	}
	if !listed {
		return l, true, nil
	}
	of := map[string]int{}
	for code := range strings.SplitSeq(list, ",") {
		c := types.LanguageCode(code)
		if !slices.Contains(c.Values(), c) || slices.Contains(l.listed, c) {
			return l, true, fmt.Errorf("amazon: %q is no language of Amazon Transcribe, or listed twice", code)
		}
		base, _, _ := strings.Cut(code, "-")
		if of[base]++; of[base] > maxListed {
			return l, true, fmt.Errorf("amazon: more than %d varieties of %q", maxListed, base)
		}
		l.listed = append(l.listed, c)
	}
	return l, true, nil
}

// of returns what to ask for by an ISO 639-1 code: one of the service's languages, several to
// choose among, or none.
func (l Languages) of(language string) []types.LanguageCode {
	if r, ok := renamed[language]; ok {
		language = r
	}
	is := func(c types.LanguageCode) bool { return strings.HasPrefix(string(c), language+"-") }
	var out []types.LanguageCode
	for _, c := range l.listed {
		if is(c) {
			out = append(out, c)
		}
	}
	if len(out) > 0 {
		return out
	}
	if c, ok := usual[language]; ok {
		return []types.LanguageCode{c}
	}
	all := types.LanguageCode("").Values()
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i : i+1]
	}
	return nil
}
