package account

import (
	"testing"
	"time"
)

func TestARecordingIsKeptAsLongAsItsClientWants(t *testing.T) {
	days := func(n int) *int { return &n }
	const day = 24 * time.Hour
	for name, tt := range map[string]struct {
		set  *int
		want time.Duration
	}{
		"not set":    {nil, 30 * day},
		"not at all": {days(0), 0},
		"for a day":  {days(1), day},
		"for a year": {days(MaxAudioRetentionDays), 365 * day},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (Client{AudioRetentionDays: tt.set}).AudioRetention(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
