package main

import "testing"

// Ensure that each process of a system has its group, and that no other process has one.
func TestGroup(t *testing.T) {
	const self = 10
	all := map[int]process{
		1:  {},
		10: {parent: 1},
		20: {parent: 10, ours: true},
		30: {parent: 10, ours: true, function: "poll"},
		40: {parent: 20, ours: true, function: "transcribe"},
		41: {parent: 40},
		42: {parent: 41},
		50: {parent: 10},
		60: {parent: 20},
		70: {parent: 1},
		80: {parent: 99},
	}
	for name, tt := range map[string]struct {
		pid, group int
		ok         bool
	}{
		"this process":                         {10, front, true},
		"the emulator":                         {20, emulator, true},
		"a function of the front":              {30, api, true},
		"a function of the emulator":           {40, others, true},
		"what a function started":              {41, engines, true},
		"and what that started":                {42, engines, true},
		"another child of this process":        {50, 0, false},
		"a child of the emulator, no function": {60, 0, false},
		"what is not the system's":             {70, 0, false},
		"a process whose parent has ended":     {80, 0, false},
		"the first":                            {1, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := group(all, tt.pid, self)
			if ok != tt.ok || ok && got != tt.group {
				t.Errorf("group %d, %v", got, ok)
			}
		})
	}
}
