package bot

import (
	"errors"

	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
)

func (a *App) slackDoor(config.Slack) (door.Chat, error)     { return nil, errors.New("not wired") }
func (a *App) discordDoor(config.Discord) (door.Chat, error) { return nil, errors.New("not wired") }
