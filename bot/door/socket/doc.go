// Package socket is the door for local programs and people: a unix socket that speaks HTTP, and the client that opsbot say, health, export and
// check-config --diff use.
//
// In comes one line with what goes with it (POST /say); out goes a stream of JSON lines, one {"card":...} for each card and at last {"exit":N}. Who is asking is
// known from the kernel, by the credentials of the peer, and never from what is sent. Read server.go first, then client.go.
//
//	curl --unix-socket /run/opsbot/opsbot.sock -d '{"text":"whoami"}' http://opsbot/say
package socket
