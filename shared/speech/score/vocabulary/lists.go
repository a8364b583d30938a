package vocabulary

import "strings"

// The closed lists: words whose class is known whatever stands beside them. A word may stand in
// several.
var (
	beForms      = setOf("be am is are was were been being")
	haveForms    = setOf("have has had having")
	doForms      = setOf("do does did doing done")
	modals       = setOf("can could will would shall should may might must ought")
	subjects     = setOf("i you he she it we they who")
	objects      = setOf("me him her us them")
	owners       = setOf("my your his its our their")
	determiners  = union(owners, setOf("a an the this that these those every each some any no another both all either neither such what which whose her"))
	selves       = setOf("myself yourself himself herself itself ourselves yourselves themselves oneself")
	prepositions = setOf(`about above across after against along alongside among amongst around as at before behind below beneath beside
		besides between beyond by despite down during except for from in inside into like near of off on onto opposite out outside over past
		per regarding round since than through throughout till to toward towards under underneath unlike until up upon via with within without`)
	conjunctions = setOf(`and but or so nor yet because if when while although though since unless until till whether whereas as than once
		wherever whenever before after that`)
	questionWords = setOf("who which whose whom what where when why how whatever whoever whichever whenever wherever")
	particles     = setOf(`someone somebody something anyone anybody anything everyone everybody everything nobody nothing none one ones other
		others another several enough few most half own same plenty many much more less little least lot lots couple mine yours hers ours theirs
		not never nowhere there here up down out off away back together apart aside ahead forward too also just very then now however`)

	numbers = setOf(`two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen
		twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million first second third fourth fifth`)
	talk = setOf("yes yeah no ok okay hello hi bye goodbye thank thanks please sorry oh well wow hey welcome excuse")

	auxiliaries = union(beForms, haveForms, doForms, modals)
	// structure are the structure words: they count in range and steps by their form.
	structure = without(union(auxiliaries, subjects, objects, owners, determiners, selves, prepositions, conjunctions, questionWords, particles),
		talk, numbers)

	// between are adverbs that may stand between an auxiliary and its verb.
	between = setOf("not also just never always already really ever even still only probably")
)

// irregularVerbs are base, past and participle; one form stands where both are the same.
const irregularVerbs = `become became become|begin began begun|bend bent|bite bit bitten|blow blew blown|break broke broken|bring brought|build built|
burn burnt|buy bought|catch caught|choose chose chosen|come came come|cost cost|cut cut|deal dealt|dig dug|draw drew drawn|dream dreamt|
drink drank drunk|drive drove driven|eat ate eaten|fall fell fallen|feed fed|feel felt|fight fought|find found|fly flew flown|forget forgot forgotten|
forgive forgave forgiven|freeze froze frozen|get got gotten|give gave given|go went gone|grow grew grown|hang hung|hear heard|hide hid hidden|
hit hit|hold held|hurt hurt|keep kept|know knew known|lay laid|lead led|learn learnt|leave left|lend lent|let let|lie lay lain|lose lost|
make made|mean meant|meet met|pay paid|prove proved proven|put put|quit quit|read read|ride rode ridden|ring rang rung|rise rose risen|run ran run|
say said|see saw seen|sell sold|send sent|set set|shake shook shaken|shine shone|shoot shot|show showed shown|shut shut|sing sang sung|
sink sank sunk|sit sat|sleep slept|speak spoke spoken|spend spent|stand stood|steal stole stolen|stick stuck|strike struck|swear swore sworn|
swim swam swum|take took taken|teach taught|tear tore torn|tell told|think thought|throw threw thrown|understand understood|wake woke woken|
wear wore worn|win won|write wrote written`

// irregularBase is the base of an irregular form; participles are the irregular ones.
var irregularBase, participles = func() (base map[string]string, participle map[string]bool) {
	base, participle = map[string]string{}, setOf("been done had got")
	for line := range strings.SplitSeq(strings.ReplaceAll(irregularVerbs, "\n", ""), "|") {
		forms := strings.Fields(line)
		for _, form := range forms[1:] {
			if form != forms[0] {
				base[form] = forms[0]
			}
		}
		participle[forms[len(forms)-1]] = true
	}
	return base, participle
}()

// The lists of the patterns.
var (
	linkers = setOf("because when while if unless although though since until till whether whereas once whenever wherever")
	// knowing verbs may be followed by a question: "I know what …".
	knowing = setOf("know wonder ask tell see understand explain remember decide find show learn say imagine think idea sure")
	// stating verbs and adjectives may be followed by that: "I hope that …".
	stating = setOf(`think say know hope believe feel tell hear find see understand mean realize realise suppose guess sure afraid wish decide
		agree remember imagine show happy glad`)
	// thinking verbs may be followed by a clause without that: "I think he …".
	thinking = setOf("think say know hope believe feel guess suppose wish mean hear find imagine bet")
	telling  = setOf("say tell ask explain mention suggest promise")
	liking   = setOf("enjoy like love hate start stop keep finish mind try consider avoid begin go prefer continue imagine practice practise spend remember")
	giving   = setOf("give show tell teach send bring buy lend offer")
	making   = setOf("make let help have")
	asking   = setOf("ask tell want allow expect need advise")
	// verbParticles make phrasal verbs.
	verbParticles = setOf("up down out off away back together apart forward ahead aside over around along through")
	// partedParticles may stand behind the object of a phrasal verb: "pick it up".
	partedParticles = setOf("up out off down away back")
)

// pairs are fixed pairs of words, by the first: "in order", "instead of".
var pairs = map[string]map[string]bool{
	"in": setOf("order general fact case terms front addition particular common"), "at": setOf("least first all last once"),
	"for": setOf("example instance"), "of": setOf("course"), "each": setOf("other"), "as": setOf("well long soon far"),
	"or": setOf("something so anything whatever"), "no": setOf("longer"), "any": setOf("more longer"), "so": setOf("that"),
	"even": setOf("if though"), "had": setOf("better"), "rather": setOf("than"), "such": setOf("as"), "instead": setOf("of"),
	"because": setOf("of"), "according": setOf("to"), "due": setOf("to"), "kind": setOf("of"), "sort": setOf("of"), "lot": setOf("of"),
	"lots": setOf("of"), "most": setOf("of"), "some": setOf("of"), "one": setOf("of"), "all": setOf("of"), "many": setOf("of"),
	"couple": setOf("of"), "part": setOf("of"), "out": setOf("of"), "type": setOf("of"), "both": setOf("of"), "bit": setOf("of"), "none": setOf("of"),
}

func setOf(words string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		out[w] = true
	}
	return out
}

func union(sets ...map[string]bool) map[string]bool {
	out := map[string]bool{}
	for _, s := range sets {
		for w := range s {
			out[w] = true
		}
	}
	return out
}

func without(from map[string]bool, sets ...map[string]bool) map[string]bool {
	out := union(from)
	for _, s := range sets {
		for w := range s {
			delete(out, w)
		}
	}
	return out
}
