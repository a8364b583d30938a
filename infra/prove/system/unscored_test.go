package system_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"parley/shared/engine/credit"
	"parley/shared/errcode"
)

// Ensure that recordings without speech are never scored or charged, whatever they sound like.
func TestNoSpeechIsNeverScored(t *testing.T) {
	s := heavy(t)
	t.Parallel()
	for name, sound := range map[string]func(int) float64{"white noise": whiteNoise(), "pink noise": pinkNoise(), "chords": chords(), "hum": hum()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			unscored(t, s, made(t, 210, sound), errcode.TranscriptionFailed, errcode.TranscriptionLowConfidence)
		})
	}
}

// Ensure that speech in another language than the requested one is detected, and neither scored nor
// charged.
func TestAnotherLanguageIsNeverScored(t *testing.T) {
	s := heavy(t)
	t.Parallel()
	program, err := exec.LookPath("espeak-ng")
	if err != nil {
		t.Skip("espeak-ng is not installed: Debian's package of that name makes the speech for this test")
	}
	for voice, text := range map[string]string{"de": german, "es": spanish} {
		t.Run(voice, func(t *testing.T) {
			t.Parallel()
			unscored(t, s, spoken(t, program, voice, text), errcode.TranscriptionLowConfidence)
		})
	}
}

func unscored(t *testing.T, s *system, recording []byte, codes ...errcode.Code) {
	t.Helper()
	c := s.newcomer(t, 10)
	id := c.sent(recording) // noise does not compress: some recordings are too large to go inline
	r := c.end(id)
	c.failed(r, 10, codes...)
	t.Logf("%v", r.body["error"])
	c.entries(id, credit.Hold, credit.Release)
	c.audited()
}

// spoken is 210 s of a synthetic voice that repeats the text.
func spoken(t *testing.T, program, voice, text string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "speech.wav")
	cmd := exec.CommandContext(t.Context(), program, "-v", voice, "-s", "140", "-w", path, strings.Repeat(text+"\n\n", 6))
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v: %s", program, err, said.Bytes())
	}
	raw, err := os.ReadFile(path)
	must(t, err)
	const header, bytesPerSecond, seconds = 44, 2 * 22050, 210 // the voice's own rate
	if len(raw) < header+seconds*bytesPerSecond {
		t.Fatalf("%d bytes of speech are less than %d s", len(raw), seconds)
	}
	return flac(t, raw[:header+seconds*bytesPerSecond])
}

const german = `Guten Tag, ich heiße Thomas und ich arbeite seit sechs Jahren in einem Lager für Küchenmöbel.
Am Anfang bin ich nur Lastwagen gefahren, aber nach zwei Jahren hat man mich gefragt, ob ich eine kleine Gruppe leiten möchte.
Jeden Morgen treffen wir uns für zehn Minuten und besprechen, welche Aufträge wichtig sind.
Manchmal gibt es ein Problem, zum Beispiel wenn eine Maschine kaputt ist, und dann müssen wir schnell eine Lösung finden.
Letzten Winter hat ein Kunde die falschen Türen bekommen, zwei Tage bevor sein Restaurant eröffnet wurde.
Er war sehr verärgert, und ich konnte ihn gut verstehen. Ich habe mich entschuldigt und versprochen, ihn bald zurückzurufen.
Dann habe ich mit unserem Lieferanten gesprochen, und wir haben die richtigen Türen in einer anderen Stadt gefunden.`

const spanish = `Buenos días, me llamo Tomás y trabajo desde hace seis años en un almacén de muebles de cocina.
Al principio solamente conducía el camión, pero después de dos años me preguntaron si quería dirigir un equipo pequeño.
Cada mañana nos reunimos durante diez minutos y decidimos juntos qué pedidos son los más urgentes.
A veces hay un problema, por ejemplo cuando una máquina está rota, y entonces tenemos que encontrar una solución muy rápido.
El invierno pasado un cliente recibió las puertas equivocadas, dos días antes de abrir su restaurante.
Estaba muy enfadado por teléfono, y yo lo entendía. Le pedí perdón y le prometí llamarlo en una hora con un plan.
Después hablé con nuestro proveedor, y encontramos las puertas correctas en otra ciudad.`
