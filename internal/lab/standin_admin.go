package lab

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"time"
)

// standInBanner names what it is; a client looks for the word Varnish in it.
const standInBanner = "-----------------------------\nVarnish Cache CLI 1.0 (stand-in of the lab, no Varnish)\n-----------------------------\nvarnish-stand-in revision lab\n"

// accept serves the management port: the part of varnish-cli(7) that bans and health need.
func (s *StandIn) accept() {
	for {
		c, err := s.admin.Accept()
		if err != nil {
			return // stopped
		}
		s.mu.Lock()
		s.sessions[c] = true
		s.mu.Unlock()
		s.wg.Go(func() {
			s.session(c)
			_ = c.Close() // it may be closed
			s.mu.Lock()
			delete(s.sessions, c)
			s.mu.Unlock()
		})
	}
}

func say(w io.Writer, status int, body string) error {
	_, err := fmt.Fprintf(w, "%-3d %-8d\n%s\n", status, len(body), body)
	return err
}

func (s *StandIn) session(c net.Conn) {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // documented never to fail
	challenge := hex.EncodeToString(raw)
	sum := sha256.Sum256([]byte(challenge + "\n" + string(s.secret) + challenge + "\n"))
	want, known := "auth "+hex.EncodeToString(sum[:]), false
	if say(c, 107, challenge+"\n\nAuthentication required.\n") != nil {
		return
	}
	lines := bufio.NewScanner(io.LimitReader(c, 16<<20))
	for lines.Scan() {
		line := lines.Text()
		switch {
		case !known && line != want:
			_ = say(c, 500, "") // the session ends either way
			return
		case !known:
			known = true
			line = "banner"
		}
		if status, body := s.command(line); say(c, status, body) != nil {
			return
		}
	}
}

func (s *StandIn) command(line string) (int, string) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "ping":
		return 200, fmt.Sprintf("PONG %d 1.0", time.Now().Unix())
	case "status":
		return 200, "Child in state running"
	case "banner":
		return 200, standInBanner
	case "vcl.list":
		return 200, "active      auto    warm         0    boot\n"
	case "vcl.show":
		return 200, edgeVCL
	case "ban.list":
		return 200, s.BanList()
	case "ban":
		return s.ban(rest)
	}
	return 101, "Unknown request.\nType 'help' for more info.\n"
}

// banByURL is a ban of a prefix, as the VCL of the lab allows it.
var banByURL = regexp.MustCompile(`^obj\.http\.x-url ~ (\S+) && `)

// ban removes at once what Varnish removes at the next look-up.
func (s *StandIn) ban(spec string) (int, string) {
	matches := func(string) bool { return true }
	if m := banByURL.FindStringSubmatch(spec); m != nil {
		re, err := regexp.Compile(m[1])
		if err != nil {
			return 106, "Regex compilation error: " + err.Error()
		}
		matches = re.MatchString
	} else if !strings.HasPrefix(spec, "obj.status != 0") {
		return 106, "the stand-in knows bans on obj.status and on obj.http.x-url alone"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, o := range s.objects {
		if matches(o.url) {
			delete(s.objects, key)
		}
	}
	s.bans = append([]standInBan{{time.Now(), spec}}, s.bans...)
	return 200, ""
}
