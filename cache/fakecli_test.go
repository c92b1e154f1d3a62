package cache_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

const fakeChallenge = "kehfacgwmjgcysomaqmqitiaiyiaeucz"

// fakeCLI is a management port that misbehaves on command. It keeps a list of bans, newest first, as varnishd does.
type fakeCLI struct {
	Address string

	// Answer, when it returns true, has dealt with the command itself; else the usual answer follows. The n-th command over all
	// connections is n, from 1; logins are not counted.
	Answer func(c net.Conn, n int, command string) bool
	Secret string // "" = no login
	Slams  bool   // a wrong secret ends the session, as in Varnish 7.1, instead of another challenge
	Banner func(c net.Conn) bool

	mu       sync.Mutex
	commands []string
	bans     []string
	logins   int
	conns    map[net.Conn]bool
	wg       sync.WaitGroup
	listener net.Listener
}

func startCLI(t testing.TB, f *fakeCLI) *fakeCLI {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.Address, f.listener, f.conns = l.Addr().String(), l, map[net.Conn]bool{}
	f.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns[c] = true
			f.mu.Unlock()
			f.wg.Go(func() { f.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		f.dropAll()
		f.wg.Wait()
	})
	return f
}

// dropAll closes every connection, as a restart of varnishd does.
func (f *fakeCLI) dropAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		_ = c.Close()
	}
}

func (f *fakeCLI) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.commands...)
}

func (f *fakeCLI) banList() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.bans...)
}

func (f *fakeCLI) addBan(spec string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bans = append([]string{spec}, f.bans...)
}

func frame(status int, body string) string {
	return fmt.Sprintf("%-3d %-8d\n%s\n", status, len(body), body)
}

func say(c net.Conn, status int, body string) { _, _ = io.WriteString(c, frame(status, body)) }

const fakeBanner = "-----------------------------\nVarnish Cache CLI 1.0\n-----------------------------\nLinux\nvarnish-7.1.1 revision fake\n"

func (f *fakeCLI) serve(c net.Conn) {
	defer func() {
		f.mu.Lock()
		delete(f.conns, c)
		f.mu.Unlock()
		_ = c.Close()
	}()
	r := bufio.NewReader(c)
	if f.Banner != nil && f.Banner(c) {
		_, _ = io.Copy(io.Discard, r)
		return
	}
	if f.Secret != "" && !f.login(c, r) {
		return
	}
	if f.Secret == "" {
		say(c, 200, fakeBanner)
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		command := strings.TrimSuffix(line, "\n")
		f.mu.Lock()
		f.commands = append(f.commands, command)
		n := len(f.commands)
		f.mu.Unlock()
		if f.Answer == nil || !f.Answer(c, n, command) {
			f.usual(c, command)
		}
	}
}

func (f *fakeCLI) login(c net.Conn, r *bufio.Reader) bool {
	say(c, 107, fakeChallenge+"\n\nAuthentication required.\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		f.mu.Lock()
		f.logins++
		f.mu.Unlock()
		sum := sha256.Sum256([]byte(fakeChallenge + "\n" + f.Secret + fakeChallenge + "\n"))
		if line == "auth "+hex.EncodeToString(sum[:])+"\n" {
			say(c, 200, fakeBanner)
			return true
		}
		if f.Slams {
			say(c, 500, "")
			return false
		}
		say(c, 107, strings.Repeat("x", 32)+"\n\nAuthentication required.\n")
	}
}

func (f *fakeCLI) usual(c net.Conn, command string) {
	switch {
	case command == "ping":
		say(c, 200, "PONG 1000100 1.0")
	case command == "status":
		say(c, 200, "Child in state running")
	case command == "banner":
		say(c, 200, fakeBanner)
	case command == "vcl.list":
		say(c, 200, "active      auto    warm         0    boot\n")
	case command == "vcl.show -v boot":
		say(c, 200, "set beresp.http.x-url = bereq.url; xkey.purge(x);")
	case command == "ban.list":
		var body strings.Builder
		body.WriteString("Present bans:\n")
		for _, spec := range f.banList() {
			body.WriteString("1000090.000000     0 -  " + spec + "\n")
		}
		say(c, 200, body.String()+"999000.000000     6 C  \n")
	case strings.HasPrefix(command, "ban "):
		f.addBan(strings.TrimPrefix(command, "ban "))
		say(c, 200, "")
	default:
		say(c, 101, "Unknown request.\nType 'help' for more info.\n")
	}
}
