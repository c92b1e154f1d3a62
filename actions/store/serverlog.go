package store

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// serverLog hands the embedded server's log to slog. The server must never be without one: a damaged block or a full disk shows there and
// nowhere else. Its chatter at the level of notices becomes debug.
type serverLog struct {
	log *slog.Logger
	// broken is called with a line that says that a stream refuses writes until the server is restarted.
	broken func(line string)
}

// deadly are the parts of lines after which writes fail for good. From server/filestore.go, server/stream.go and server/jetstream.go of
// nats-server 2.15.2; a test fills a disk and so notices when they change.
var deadly = []string{"critical write error", "disabling jetstream", "failed to store a msg on stream"}

func (l *serverLog) line(level slog.Level, format string, v []any) {
	ctx := context.Background() // the server's interface has none
	if !l.log.Enabled(ctx, level) && level < slog.LevelWarn {
		return
	}
	line := fmt.Sprintf(format, v...)
	l.log.Log(ctx, level, "store server", "line", line)
	lower := strings.ToLower(line)
	for _, part := range deadly {
		if level >= slog.LevelWarn && strings.Contains(lower, part) {
			l.broken(line)
			return
		}
	}
}

// Noticef implements server.Logger.
func (l *serverLog) Noticef(format string, v ...any) { l.line(slog.LevelDebug, format, v) }

// Warnf implements server.Logger.
func (l *serverLog) Warnf(format string, v ...any) { l.line(slog.LevelWarn, format, v) }

// Fatalf implements server.Logger. It does not end the program.
func (l *serverLog) Fatalf(format string, v ...any) { l.line(slog.LevelError, format, v) }

// Errorf implements server.Logger.
func (l *serverLog) Errorf(format string, v ...any) { l.line(slog.LevelError, format, v) }

// Debugf implements server.Logger. The server calls it in debug mode only, which is off.
func (l *serverLog) Debugf(string, ...any) {}

// Tracef implements server.Logger. The server calls it in trace mode only, which is off.
func (l *serverLog) Tracef(string, ...any) {}
