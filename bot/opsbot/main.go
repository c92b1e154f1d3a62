// Package main is the program opsbot. Everything it does is in package bot.
package main

import (
	"os"

	"github.com/shitops/opsbot/bot"
)

func main() {
	os.Exit(bot.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
