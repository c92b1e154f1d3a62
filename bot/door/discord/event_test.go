package discord

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/bot/reply/embed"
)

func TestReadInteraction(t *testing.T) {
	const good = `{"id":"1","application_id":"2","type":2,"token":"t","channel_id":"3","user":{"id":"4"},"data":{"name":"opsbot"}}`
	for _, tt := range []struct {
		name, body string
		ok         bool
	}{
		{"whole", good, true},
		{"a ping has nothing", `{"type":1}`, true},
		{"no JSON", `hello`, false},
		{"a list", `[]`, false},
		{"no id", strings.Replace(good, `"id":"1"`, `"id":""`, 1), false},
		{"an id of letters", strings.Replace(good, `"id":"1"`, `"id":"abc"`, 1), false},
		{"a number as id", strings.Replace(good, `"id":"1"`, `"id":1`, 1), false},
		{"no token", strings.Replace(good, `"token":"t"`, `"token":""`, 1), false},
		{"a token with a slash", strings.Replace(good, `"token":"t"`, `"token":"a/b"`, 1), false},
		{"a token with a bar", strings.Replace(good, `"token":"t"`, `"token":"a|b"`, 1), false},
		{"a very long token", strings.Replace(good, `"token":"t"`, `"token":"`+strings.Repeat("t", 2000)+`"`, 1), false},
		{"no channel", strings.Replace(good, `"channel_id":"3"`, `"channel_id":null`, 1), false},
		{"a server of letters", strings.Replace(good, `"type":2`, `"type":2,"guild_id":"a.b"`, 1), false},
		{"nobody", strings.Replace(good, `"user":{"id":"4"}`, `"user":null`, 1), false},
		{"too large", good + strings.Repeat(" ", maxEvent), false},
	} {
		if _, err := readInteraction([]byte(tt.body)); (err == nil) != tt.ok {
			t.Errorf("%s: error %v, want ok %v", tt.name, err, tt.ok)
		}
	}
}

func TestReadMessage(t *testing.T) {
	const good = `{"id":"1","channel_id":"3","author":{"id":"4"},"content":"x"}`
	for _, tt := range []struct {
		name, body string
		ok         bool
	}{
		{"whole", good, true},
		{"no JSON", `{`, false},
		{"no author", strings.Replace(good, `"4"`, `""`, 1), false},
		{"a channel of letters", strings.Replace(good, `"3"`, `"x"`, 1), false},
		{"too large", good + strings.Repeat(" ", maxEvent), false},
	} {
		if _, err := readMessage([]byte(tt.body)); (err == nil) != tt.ok {
			t.Errorf("%s: error %v, want ok %v", tt.name, err, tt.ok)
		}
	}
}

func TestAddressed(t *testing.T) {
	const self = "9001"
	me := []author{{ID: self, Bot: true}}
	question := &shownMessage{ID: "7", Author: author{ID: self}, Components: components(t, reply.Card{Kind: reply.Question, Token: "tok", Choices: []string{"yes", "no"}})}
	slot := &shownMessage{ID: "8", Author: author{ID: self}, Components: components(t, reply.Card{Kind: reply.Question, Token: "tok"})}
	pick := &shownMessage{ID: "9", Author: author{ID: self}, Components: components(t, reply.Card{Kind: reply.Question, Token: "tok", Choices: strings.Fields("a b c d e f g")})}
	d := &Door{o: Options{Guilds: []string{"5"}, Prefix: "!ops"}}
	for _, tt := range []struct {
		name        string
		m           message
		text, token string
		ours        bool
	}{
		{"talk", message{Guild: "5", Content: "flush edge-1"}, "", "", false},
		{"mention", message{Guild: "5", Content: "<@9001> flush edge-1", Mentions: me}, "flush edge-1", "", true},
		{"mention by nickname, behind", message{Guild: "5", Content: "flush edge-1 <@!9001>", Mentions: me}, "flush edge-1", "", true},
		{"mention alone", message{Guild: "5", Content: "<@9001>", Mentions: me}, "help", "", true},
		{"mention of another", message{Guild: "5", Content: "<@77> flush edge-1", Mentions: []author{{ID: "77"}}}, "", "", false},
		{"direct", message{Content: "flush edge-1"}, "flush edge-1", "", true},
		{"prefix", message{Guild: "5", Content: "!ops flush"}, "flush", "", true},
		{"prefix alone", message{Guild: "5", Content: "!ops"}, "help", "", true},
		{"longer than the prefix", message{Guild: "5", Content: "!opsbot flush"}, "", "", false},
		{"a bot", message{Content: "flush", Author: author{Bot: true}}, "", "", false},
		{"a webhook", message{Content: "flush", Webhook: "1"}, "", "", false},
		{"somebody joined", message{Content: "flush", Type: 7}, "", "", false},
		{"another server", message{Guild: "6", Content: "<@9001> flush", Mentions: me}, "", "", false},
		{"a yes to a question", message{Guild: "5", Content: "Yes", Type: 19, Referenced: question}, "Yes", "tok", true},
		{"something else to a question", message{Guild: "5", Content: "runs", Type: 19, Referenced: question}, "runs", "", true},
		{"an answer to a slot", message{Guild: "5", Content: "edge-1", Type: 19, Referenced: slot}, "edge-1", "tok", true},
		{"a choice of many", message{Guild: "5", Content: "E", Type: 19, Referenced: pick}, "E", "tok", true},
		{"none of many", message{Guild: "5", Content: "x", Type: 19, Referenced: pick}, "x", "", true},
		{"an answer whose text is hidden", message{Guild: "5", Type: 19, Referenced: question}, "", "", false},
		{"an answer to somebody", message{Guild: "5", Content: "yes", Type: 19, Referenced: &shownMessage{Author: author{ID: "77"}}}, "", "", false},
	} {
		text, token, ours := d.addressed(&tt.m, self)
		if text != tt.text || token != tt.token || ours != tt.ours {
			t.Errorf("%s: addressed = %q, %q, %v, want %q, %q, %v", tt.name, text, token, ours, tt.text, tt.token, tt.ours)
		}
	}
}

// components returns what can be pressed on a card, as Discord would show it.
func components(t *testing.T, c reply.Card) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(embed.Render(c, embed.Options{}).Components)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestHookText(t *testing.T) {
	for _, h := range []hook{{}, {id: "1", token: "tok"}, {id: "1", token: "tok", message: "7"}, {id: "1", token: "tok", private: true}} {
		if got := parseHook(h.String()); got != h {
			t.Errorf("parseHook(%q) = %+v, want %+v", h.String(), got, h)
		}
	}
	for text, want := range map[string]string{"re|7": "7", "re|": "", "re|x": "", "": "", "1|tok||": ""} {
		if got := refers(text); got != want {
			t.Errorf("refers(%q) = %q, want %q", text, got, want)
		}
	}
	if h := parseHook("re|7"); h.token != "" {
		t.Errorf("a reference is read as the hook %+v", h)
	}
}

func TestShownText(t *testing.T) {
	at := shownAt{via: viaPrivate, channel: "5", id: "7", by: "1"}
	if got, err := parseShown(at.String()); err != nil || got != at {
		t.Errorf("parseShown(%q) = %+v, %v", at, got, err)
	}
	for _, text := range []string{"", "c.1.2", "cc.1.2.3", "7"} {
		if _, err := parseShown(text); err == nil {
			t.Errorf("parseShown(%q): no error", text)
		}
	}
}

func TestFormText(t *testing.T) {
	c := Command{Name: "alert.ack", Slots: []Slot{{Name: "node", List: true}, {Name: "url", List: true}, {Name: "service"}, {Name: "reason"}, {Name: "dry-run", Switch: true}}}
	for _, tt := range []struct {
		name    string
		options []option
		want    string
	}{
		{"nothing", nil, "alert.ack"},
		{"one", []option{{Name: "node", Value: "edge-1"}}, "alert.ack --node edge-1"},
		{"several", []option{{Name: "node", Value: "edge-1,  edge-2,,"}}, "alert.ack --node edge-1 --node edge-2"},
		{"addresses", []option{{Name: "url", Value: "http://a/b?c=1,2, http://d/e"}}, `alert.ack --url "http://a/b?c=1,2" --url http://d/e`},
		{"spaces", []option{{Name: "service", Value: "Cache Hit Rate"}}, `alert.ack --service "Cache Hit Rate"`},
		{"quotation marks", []option{{Name: "reason", Value: `it's "down"; now`}}, `alert.ack --reason "it's \"down\"; now"`},
		{"switch on", []option{{Name: "dry-run", Value: true}}, "alert.ack --dry-run"},
		{"switch off", []option{{Name: "dry-run", Value: false}}, "alert.ack"},
		{"in the order of the slots", []option{{Name: "service", Value: "Disk"}, {Name: "node", Value: "edge-1"}}, "alert.ack --node edge-1 --service Disk"},
	} {
		if got := c.text(tt.options); got != tt.want {
			t.Errorf("%s: text = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	for given, want := range map[string]string{"node": "node", "dry-run": "dry-run", "Dry Run": "dry-run", "größe": "gr-e", strings.Repeat("x", 50): strings.Repeat("x", 32)} {
		if got := optionName(given); len(got) > 32 || given != "größe" && got != want {
			t.Errorf("optionName(%q) = %q, want %q", given, got, want)
		}
	}
	for _, longest := range []int{100, 60, 30, 0} {
		got := describe(strings.Repeat("ä", 200), "name", longest)
		if n := len([]rune(got)); n < 1 || n > 100 {
			t.Errorf("describe at %d has %d characters", longest, n)
		}
	}
}

func TestCompleted(t *testing.T) {
	for _, tt := range []struct {
		typed, stops string
		words, want  []string
	}{
		{"", " ", []string{"flush"}, []string{"flush"}},
		{"fl", " ", []string{"flush"}, []string{"flush", "fl"}},
		{"flush edge-1,ed", " ,", []string{"edge-2"}, []string{"flush edge-1,edge-2", "flush edge-1,ed"}},
		{"a b", "", []string{"c"}, []string{"c", "a b"}},
	} {
		if diff := cmp.Diff(tt.want, completed(tt.typed, tt.stops, tt.words)); diff != "" {
			t.Errorf("completed(%q, %q, %q) differs (-want +got):\n%s", tt.typed, tt.stops, tt.words, diff)
		}
	}
}

func FuzzEvents(f *testing.F) {
	for _, s := range []string{
		`{"id":"1","application_id":"2","type":3,"token":"t","channel_id":"3","user":{"id":"4"},"data":{"custom_id":"b0.3.tokyes","values":["x"]},"message":{"id":"9","components":[{"components":[{"custom_id":"x"}]}]}}`,
		`{"id":"1","channel_id":"3","author":{"id":"4"},"content":"<@9001> x","mentions":[{"id":"9001"}],"referenced_message":{"id":"1","author":{"id":"9001"},"components":7}}`,
		`{"id":"1","type":5,"data":{"components":[{"components":[{"custom_id":"text","value":"v"}]}]}}`, `null`, `{"data":{"options":[{"options":[{}]}]}}`,
	} {
		f.Add([]byte(s))
	}
	d := &Door{o: Options{Application: "2", Commands: []Command{{Name: "cache.flush", Slots: []Slot{{Name: "node", List: true}}}, {Name: "help"}}, Complete: func(string) []string { return nil }}}
	f.Fuzz(func(t *testing.T, body []byte) {
		if i, err := readInteraction(body); err == nil {
			_ = d.said(&i)
			_ = i.typed("text")
			if i.Kind != kindPing {
				if h := (hook{id: i.ID, token: i.Token}); parseHook(h.String()) != h {
					t.Errorf("the hook of %s does not come back", body)
				}
			}
			i.Data.Name = wordsCommand
			if r := d.suggest(&i); len(r.Data.Choices) > 25 {
				t.Errorf("%d choices", len(r.Data.Choices))
			}
			_ = i.Message.title()
			_ = i.Message.pressable()
		}
		if m, err := readMessage(body); err == nil {
			text, _, ours := d.addressed(&m, "9001")
			if ours && text == "" {
				t.Errorf("message %s is for the bot and says nothing", body)
			}
		}
	})
}

func ExampleCommand() {
	c := Command{Name: "cache.flush", Slots: []Slot{{Name: "node", Kind: "node", List: true}}}
	fmt.Println(c.text([]option{{Name: "node", Value: "edge-1, edge-2"}}))
	// Output: cache.flush --node edge-1 --node edge-2
}
