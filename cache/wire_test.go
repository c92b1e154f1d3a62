package cache

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestFramesCaptured reads a whole recorded session: every frame of a real server, in order.
func TestFramesCaptured(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../fixtures/cache/varnish-cli.txt")
	if err != nil {
		t.Fatal(err)
	}
	type exchange struct {
		command string
		status  int
		bytes   int
	}
	var got []exchange
	command := "(banner)"
	for part := range strings.SplitSeq("\n"+string(text), "\nC> ") {
		sent, rest, _ := strings.Cut(part, "S> ")
		if sent = strings.TrimSpace(sent); sent != "" {
			command = sent
		}
		rest, _, _ = strings.Cut(rest, "\n#> ")
		raw := strings.ReplaceAll(rest, "\n   ", "\n") // the recording is indented
		reply, err := readFrame(strings.NewReader(raw))
		if err != nil {
			t.Fatalf("%s: %v: %q", command, err, raw)
		}
		got = append(got, exchange{command, reply.status, len(reply.body)})
	}
	want := []exchange{{"(banner)", 107, 59}, {"auth 82ab7e801afeab0a741be308a07623515dfe4b1c48fbd480d6765f69f0ac0790", 200, 276}, {"ping", 200, 19},
		{"ping -j", 200, 47}, {"status", 200, 22}, {"banner", 200, 276}, {"backend.list -j", 200, 219}, {"ban obj.http.x-url ~ ^/ts/v0/", 200, 0},
		{"ban req.url ~ (", 106, 48}, {`ban obj.http.x-url ~ "^/a b"`, 106, 25}, {"ban.list", 200, 148}, {"ban.list -j", 200, 367},
		{"nosuch", 101, 44}, {"vcl.list -j", 200, 155}, {"storage.list", 200, 66}, {"panic.show", 300, 48}, {"param.show ban_lurker_sleep", 200, 315},
		{"ban.list x y", 105, 20}, {"quit", 500, 22}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(exchange{})); diff != "" {
		t.Errorf("exchanges (-want +got):\n%s", diff)
	}
}

// TestAuthDigest: the reference is the example in varnish-cli(7).
func TestAuthDigest(t *testing.T) {
	t.Parallel()
	const want = "455ce847f0073c7ab3b1465f74507b75d3dc064c1e7de3b71e00de9092fdc89a"
	if got := authDigest("ixslvvxrgkjptxmcgnnsdxsvdmvfympg", []byte("foo\n")); got != want {
		t.Errorf("authDigest = %s, want %s", got, want)
	}
}

func TestParseBans(t *testing.T) {
	t.Parallel()
	body := "Present bans:\n1795334127.636233     0 -  obj.http.x-url ~ ^/ts/v0/\n1795334094.430757     2 -  obj.status != 0 && obj.http.x-opsbot-mark != r-1/do/0/e\n" +
		"1795334093.552300     6 C  \n  garbage\n\n1795334093 7 G x   y\n"
	want := []ban{{"1795334127.636233", false, "obj.http.x-url ~ ^/ts/v0/"}, {"1795334094.430757", false, "obj.status != 0 && obj.http.x-opsbot-mark != r-1/do/0/e"},
		{"1795334093.552300", true, ""}, {"1795334093", false, "x y"}}
	bans := parseBans(body)
	if diff := cmp.Diff(want, bans, cmp.AllowUnexported(ban{})); diff != "" {
		t.Errorf("parseBans (-want +got):\n%s", diff)
	}
	if n := activeBans(bans); n != 3 {
		t.Errorf("activeBans = %d, want 3", n)
	}
	if got := bans[0].age(1795334137); got.Round(time.Second) != 9*time.Second {
		t.Errorf("age = %s, want 9s", got)
	}
	if got := bans[0].age(1795334000); got != 0 {
		t.Errorf("age of a ban from the future = %s, want 0", got)
	}
}

func TestActiveVCL(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]string{
		"active      auto    warm         0    boot\n":                             "boot",
		"available   auto    cold         0    old\nactive  auto  warm 3  new-1\n": "new-1",
		"active      auto/warm          0 boot\n":                                  "boot",
		"active          0 boot\n":                                                 "boot",
		"active label warm 0 live -> vcl_7 (1 return(vcl))\n":                      "live",
		"":                "",
		"Present VCLs:\n": "",
	} {
		if got := activeVCL(list); got != want {
			t.Errorf("activeVCL(%q) = %q, want %q", list, got, want)
		}
	}
}

func TestParseVarnishstat(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("../fixtures/cache/varnishstat.json")
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseVarnishstat(body)
	if err != nil || c.Uptime != 34*time.Second || c.Starts != 1 || c.Requests == 0 || c.Hits == 0 || c.Objects == 0 || c.Source != "varnishstat" {
		t.Errorf("parseVarnishstat(capture) = %+v, %v", c, err)
	}
	old := `{"timestamp":"2026-11-22T07:55:27","MAIN.uptime":{"value":7},"MAIN.cache_hit":{"description":"x","value":3},"MAIN.cache_miss":{"value":"odd"}}`
	if c, err = parseVarnishstat([]byte(old)); err != nil || c.Hits != 3 || c.Misses != 0 || c.Uptime != 7*time.Second {
		t.Errorf("parseVarnishstat(6.0) = %+v, %v", c, err)
	}
	for body, want := range map[string]error{
		`{"counters":{"MGT.uptime":{"value":1}}}`: ErrDown,
		`{"counters":{}}`:                         ErrNoSignature,
		`{}`:                                      ErrNoSignature,
		`{"counters":[1]}`:                        nil,
		`not json`:                                nil,
	} {
		if _, err := parseVarnishstat([]byte(body)); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("parseVarnishstat(%s) = %v, want %v", body, err, want)
		}
	}
}

func TestTemporary(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("anything"), false},
		{context.Canceled, false},
		{context.DeadlineExceeded, true},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, true},
		{&net.DNSError{Err: "no such host", IsNotFound: true}, false},
		{&net.DNSError{Err: "server misbehaving", IsTemporary: true}, true},
		{io.ErrUnexpectedEOF, true},
		{&StatusError{Status: 503}, true},
		{&StatusError{Status: 404}, false},
		{fmt.Errorf("%w: %w", ErrRefused, &StatusError{Status: 503}), false},
		{fmt.Errorf("%w: %w", ErrDown, &StatusError{Status: 300}), true},
		{ErrWrongSecret, false}, {ErrNoSignature, false}, {ErrUnsupported, false}, {ErrTooManyBans, false}, {ErrStale, true},
	} {
		for _, err := range []error{tt.err, &Error{Node: "n", Op: "purge", Err: tt.err}} {
			if e, ok := err.(*Error); ok && e.Err == nil {
				continue
			}
			if got := Temporary(err); got != tt.want {
				t.Errorf("Temporary(%v) = %v, want %v", err, got, tt.want)
			}
		}
	}
}

func TestShell(t *testing.T) {
	t.Parallel()
	for want, words := range map[string][]string{
		"a b":                   {"a", "b"},
		"ban obj.status '!=' 0": {"ban", "obj.status", "!=", "0"},
		`'it'\''s' ''`:          {"it's", ""},
		"'$(x)' '`y`' 'a;b'":    {"$(x)", "`y`", "a;b"},
	} {
		if got := shell(words...); got != want {
			t.Errorf("shell(%q) = %s, want %s", words, got, want)
		}
	}
}

// TestHistogram: each quantile is an upper bound of the true one, at most 1/32 or a microsecond above it.
func TestHistogram(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(0, 100), rapid.Int64Range(0, 1_000_000), rapid.Int64Range(0, 600_000_000)), 1, 200).Draw(t, "µs")
		var a, b histogram
		for i, n := range us {
			if d := time.Duration(n) * time.Microsecond; i%2 == 0 {
				a.add(d)
			} else {
				b.add(d)
			}
		}
		a.merge(&b)
		slices.Sort(us)
		for _, q := range []float64{0.01, 0.5, 0.95, 0.99, 1} {
			rank := min(max(int(float64(len(us))*q+0.9999999), 1), len(us))
			truth := time.Duration(us[rank-1]) * time.Microsecond
			if got := a.quantile(q); got < truth || got > truth+truth/32+time.Microsecond {
				t.Fatalf("quantile(%v) of %v = %s, want %s or little more", q, us, got, truth)
			}
		}
		if a.max != time.Duration(us[len(us)-1])*time.Microsecond || int(a.n) != len(us) {
			t.Fatalf("max %s of %d", a.max, a.n)
		}
	})
	var empty histogram
	if got := empty.quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing = %s", got)
	}
	empty.add(1 << 62) // 146 years
	empty.add(-1)
	if got := empty.quantile(1); got <= 0 {
		t.Errorf("quantile of 146 years = %s", got)
	}
}

func TestZipfWeights(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 1000} {
		w := zipfWeights(n, 1.1)
		if !slices.IsSorted(w) || w[n-1] < 0.999999 || w[n-1] > 1.000001 {
			t.Errorf("zipfWeights(%d) ends with %v", n, w[n-1])
		}
	}
}

// TestFan: the width is never exceeded, every call is made once, and none after the end.
func TestFan(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ n, width int }{{0, 4}, {1, 4}, {100, 1}, {100, 7}, {5, 100}, {10, 0}} {
		busy, seen := make(chan struct{}, max(tt.width, 1)), make(chan int, tt.n)
		if err := fan(t.Context(), tt.n, tt.width, func(i int) {
			select {
			case busy <- struct{}{}:
				seen <- i
				<-busy
			default:
				t.Errorf("fan(%d, width %d) makes more calls at a time", tt.n, tt.width)
			}
		}); err != nil {
			t.Error(err)
		}
		close(seen)
		once := map[int]bool{}
		for i := range seen {
			once[i] = true
		}
		if len(once) != tt.n {
			t.Errorf("fan(%d, width %d) made %d calls", tt.n, tt.width, len(once))
		}
	}
}

// FuzzReadFrame: no bytes make the reader panic, or take more memory than they are long.
func FuzzReadFrame(f *testing.F) {
	for _, s := range []string{"200 0       \n\n", "107 59      \nkehfacgwmjgcysomaqmqitiaiyiaeucz\n\nAuthentication required.\n\n", "200 99999999\n", "SSH-2.0-OpenSSH_9.2\r\n", "2   5       \nhello\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		reply, err := readFrame(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return
		}
		if again := fmt.Sprintf("%-3d %-8d\n%s\n", reply.status, len(reply.body), reply.body); len(again) > len(b) || reply.status < 0 || reply.status > 999 {
			t.Fatalf("readFrame(%q) = %+v", b, reply)
		}
	})
}

// FuzzBanWords: whatever prefix is accepted, the CLI command stays one line of the same words.
func FuzzBanWords(f *testing.F) {
	for _, s := range []string{"/news/", "http://o/a.b?c=[1]", "/a b", "/\"", "/a\nban x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, prefix string) {
		spec, err := prefixBan(prefix, "m")
		if err != nil {
			if !errors.Is(err, ErrBadPrefix) {
				t.Fatalf("prefixBan(%q) = %v", prefix, err)
			}
			return
		}
		if len(strings.Fields(spec)) != 7 || strings.ContainsAny(spec, "\"\\\n\r#") {
			t.Fatalf("prefixBan(%q) = %q", prefix, spec)
		}
		if b, ok := findMark(parseBans("1.5 0 -  "+spec+"\n"), "m"); !ok || b.spec != spec {
			t.Fatalf("the ban %q is not found again", spec)
		}
	})
}

// FuzzParseBans: no list makes the parser panic.
func FuzzParseBans(f *testing.F) {
	f.Add("Present bans:\n1795334127.636233     0 -  obj.http.x-url ~ ^/ts/v0/\n")
	f.Fuzz(func(t *testing.T, body string) {
		for _, b := range parseBans(body) {
			if b.age(1e9) < 0 {
				t.Fatalf("negative age of %+v", b)
			}
		}
	})
}
