package intents

import "testing"

// TestSlipsAreRanked tells which of the words that are one slip away was meant: neighbours that changed places and doubled letters come first, then verbs and
// words of the grammar at the head, words that say how something is meant, and a verb last where there is one already.
func TestSlipsAreRanked(t *testing.T) {
	t.Parallel()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	v := c.newVocabulary()
	head, behind := slipPlace{first: true, head: true}, slipPlace{ordered: true}
	for _, tt := range []struct {
		typed string
		at    slipPlace
		want  string
	}{
		{"flsh", head, "flush"},
		{"pruge", head, "purge"},
		{"puge", head, "purge"},
		{"udo", head, ""}, // undo, or sudo?
		{"pase", head, "pause"},
		{"pausse", head, "pause"},
		{"rulse", head, "rules"},
		{"nokes", head, "nodes"},
		{"statsu", head, "status"},
		{"aknowledge", head, "acknowledge"},
		{"cancle", behind, "cancel"},
		{"ould", head, "could"}, // or would: they ask alike
		{"lease", head, "please"},
		{"evey", slipPlace{timely: true}, "every"},
		{"minues", behind, "minutes"},
		{"sundayss", behind, "sundays"},
		{"unles", behind, "unless"},
		{"shold", behind, "should"},
		{"dont't", behind, "don't"},
		{"everythng", behind, "everything"},
		{"servera", behind, "servers"},
		// Nothing wider than was said, and nothing that needs no object, comes from a slip.
		{"macz", behind, ""},
		{"smacs", behind, ""},
		{"parse", head, ""},
		{"evers", behind, "ever"},
		// Words are no slips of others.
		{"news", head, ""},
		{"train", head, ""},
		{"cause", behind, ""},
		{"xy", head, ""},
		// Numbers are exact, in words too.
		{"welve", behind, ""},
		{"elevenn", behind, ""},
		{"qqqqqq", head, ""},
	} {
		if got := v.corrected(tt.typed, tt.at); got != tt.want {
			t.Errorf("corrected(%q, %+v) = %q, want %q", tt.typed, tt.at, got, tt.want)
		}
	}
}

// TestSmoothSlips are those that make no other word.
func TestSmoothSlips(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		right, typed string
		want         bool
	}{
		{"news", "nwes", true}, {"news", "nesw", true}, {"news", "newss", true}, {"press", "pres", true}, {"news", "new", false}, {"news", "nets", false}, {"news", "news", false}, {"kids", "kdis", true}, {"kids", "kid", false},
		{"a", "aa", true}, {"", "", false}, {"ab", "ba", true}, {"abc", "cba", false}, {"lisbon", "lisboon", true}, {"berlin", "perlin", false},
	} {
		if got := smoothSlip(tt.right, tt.typed); got != tt.want {
			t.Errorf("smoothSlip(%q, %q) = %v, want %v", tt.right, tt.typed, got, tt.want)
		}
	}
}

// TestNamesWithASlip: names of letters alone are known with one slip in them, short ones only where it makes no other word.
func TestNamesWithASlip(t *testing.T) {
	t.Parallel()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewParser(c, Inventory{
		Nodes: []Node{{Name: "edge-1", Site: "berlin"}, {Name: "edge-2", Site: "hamburg"}}, Deployments: []string{"news", "kids", "cinema"}, People: []string{"anna", "tomas"}, Services: []string{"HTTP", "disk"}, Sites: []string{"lisbon"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]string{
		"perlin": "berlin", "lisboon": "lisbon", "hambrug": "hamburg", "nwes": "news", "nesw": "news", "newt": "", "kdis": "kids", "bids": "", "cinemo": "cinema", "tmoas": "tomas", "thtp": "HTTP", "htttp": "HTTP", "dusk": "", "dissk": "disk", "edge": "", "xyz": "", "": "",
		"berlinn": "berlin", "paris": "",
	} {
		if got := p.slippedName(typed); got != want {
			t.Errorf("slippedName(%q) = %q, want %q", typed, got, want)
		}
	}
}
