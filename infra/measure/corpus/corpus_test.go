package corpus

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const header = "utterance\tspeaker\tage\tgender\ttext\taccuracy\tcompleteness\tfluency\tprosody\ttotal\n"

// table writes an utterances.tsv and returns the folder of its data.
func table(t *testing.T, rows string) string {
	t.Helper()
	data := t.TempDir()
	dir := filepath.Join(data, "speechocean762")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "utterances.tsv"), []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSpeakersAreGatheredInOrder(t *testing.T) {
	data := table(t, header+"u1\ts1\t15\tf\tA \"QUOTE\t5.0\t9\t4.5\t4\t4\nu2\ts2\t16\tm\tB\t6\t9\t7\t4\t4\nu3\ts1\t15\tf\tC\t8\t9\t8.5\t4\t4\n")
	got, err := Speakers(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].ID != "s1" || len(got[0].Utterances) != 2 || len(got[1].Utterances) != 1 || !got[0].Child() || got[1].Child() {
		t.Fatalf("%+v", got)
	}
	u := got[0].Utterances[0]
	if u.Text != `A "QUOTE` || u.Accuracy != 5 || u.Fluency != 4.5 || u.Audio != filepath.Join(data, "speechocean762", "audio", "u1.flac") || got[1].Gender != "m" {
		t.Errorf("%+v", got)
	}
}

func TestATableThatCannotBeReadIsAnError(t *testing.T) {
	for name, rows := range map[string]string{
		"no speakers":     header,
		"a short row":     header + "u1\ts1\t15\n",
		"an age in words": header + "u1\ts1\tten\tf\tA\t5\t9\t4\t4\t4\n",
		"no accuracy":     header + "u1\ts1\t10\tf\tA\t\t9\t4\t4\t4\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := Speakers(table(t, rows)); err == nil || !strings.HasPrefix(err.Error(), "corpus: ") {
				t.Fatalf("%+v, %v", got, err)
			}
		})
	}
	if _, err := Speakers(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestTheRepositoryIsFound(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "infra", "measure", "corpus")); err != nil {
		t.Error(err)
	}
	t.Chdir(t.TempDir())
	if dir, err := Root(); err == nil {
		t.Errorf("outside of it: %s", dir)
	}
}
