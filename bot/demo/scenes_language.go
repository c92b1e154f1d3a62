package demo

import "github.com/shitops/opsbot/bot/door"

// languageScenes are lines in people's own words: understood, asked about before anything is done, and taught where they are not known.
func languageScenes() []Scene {
	return []Scene{
		{
			Tell: "Nobody remembers commands at three in the morning", As: "anna", Say: "edge-2 is full of stale stuff, please empty its cache", Exit: door.Refused,
			Want: []string{"flush cache front on edge-2", "do it?"}, Needs: []string{"cache.flush"},
		},
		{As: "anna", Say: "why?", Want: []string{"classifier:", "cache.flush"}, Needs: []string{"cache.flush"}},
		{As: "anna", Say: "no", Want: []string{"nothing was done"}, Needs: []string{"cache.flush"}},
		{As: "anna", Say: "should I flush edge-2?", Needs: []string{"cache.flush"}},
		{As: "anna", Say: "don't flush edge-2!", Exit: door.Usage, Needs: []string{"cache.flush"}},
		{
			Tell: "A phrase of the house is taught by one and agreed to by another", As: "anna", Say: `teach "give edge-1 a good wash" as cache.flush`, Exit: door.Temporary,
			Keep: "lesson", Want: []string{"{node}", "waits for a yes"}, Needs: []string{"run.approve"},
		},
		{As: "anna", Say: "approve {lesson}", Exit: door.Refused, Needs: []string{"teach"}},
		{As: "ben", Say: "approve {lesson}", Needs: []string{"teach"}, Verify: settled("{lesson}", "done")},
		{As: "anna", Say: "give edge-2 a good wash", Exit: door.Refused, Want: []string{"flush cache front on edge-2"}, Needs: []string{"teach"}},
		{As: "anna", Say: "no", Want: []string{"nothing was done"}, Needs: []string{"teach"}},
	}
}
