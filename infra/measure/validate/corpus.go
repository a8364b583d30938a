package main

import "parley/infra/measure/corpus"

// speaker is one of the rated speakers with the mean human scores of each utterance, 0 to 10.
type speaker struct {
	id                string
	child             bool
	gender            string
	files             []string
	fluency, accuracy []float64
}

// speakers reads the rated speakers in the folder of shared data.
func speakers(data string) ([]speaker, error) {
	rated, err := corpus.Speakers(data)
	if err != nil {
		return nil, err
	}
	var out []speaker
	for _, r := range rated {
		s := speaker{id: r.ID, child: r.Child(), gender: r.Gender}
		for _, u := range r.Utterances {
			s.files = append(s.files, u.Audio)
			s.fluency, s.accuracy = append(s.fluency, u.Fluency), append(s.accuracy, u.Accuracy)
		}
		out = append(out, s)
	}
	return out, nil
}
