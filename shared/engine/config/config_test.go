package config_test

import (
	"testing"
	"time"

	"parley/infra/prove/service"

	"parley/shared/engine/config"
)

func TestFromEnv(t *testing.T) {
	for name, tt := range map[string]struct {
		env  map[string]string
		bad  bool
		want func(config.Config) bool
	}{
		"nothing set": {nil, false, func(c config.Config) bool {
			return c.PollEvery == config.DefaultPollEvery && c.Deadline == 0 && len(c.Queues) == 0
		}},
		"a queue and a deadline": {map[string]string{config.Queue(service.Accent): "https://q", config.Deadline: "90s"}, false, func(c config.Config) bool {
			return c.Queues[service.Accent] == "https://q" && c.Deadline == 90*time.Second
		}},
		"the dead-letter queue":         {map[string]string{config.DeadLetters: "https://d"}, false, func(c config.Config) bool { return c.DeadLetters == "https://d" && len(c.Queues) == 0 }},
		"unlimited polls":               {map[string]string{config.PollEvery: "0s"}, false, func(c config.Config) bool { return c.PollEvery == 0 }},
		"a deadline of a day":           {map[string]string{config.Deadline: "24h"}, false, func(c config.Config) bool { return c.Deadline == 24*time.Hour }},
		"a deadline of more than a day": {map[string]string{config.Deadline: "24h0m1s"}, true, nil},
		"a deadline below zero":         {map[string]string{config.Deadline: "-1s"}, true, nil},
		"a base URL": {map[string]string{config.BaseURL: "https://api.acme.test/speaking/"}, false, func(c config.Config) bool {
			return c.BaseURL == "https://api.acme.test/speaking"
		}},
		"a base URL without a scheme": {map[string]string{config.BaseURL: "api.acme.test"}, true, nil},
		"a base URL with a query":     {map[string]string{config.BaseURL: "https://api.acme.test/?a"}, true, nil},
		"a deadline without a unit":   {map[string]string{config.Deadline: "90"}, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := config.FromEnv(service.Sample, func(n string) (string, bool) { v, ok := tt.env[n]; return v, ok })
			if (err != nil) != tt.bad || err == nil && !tt.want(c) {
				t.Errorf("%+v %v", c, err)
			}
		})
	}
}
