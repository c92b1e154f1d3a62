package store

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// startTime is how long the server may take to recover its streams; a million keys after a crash take 5 s.
const startTime = 2 * time.Minute

// errDown says that the server is not running at the moment.
var errDown = errors.New("embedded store is down")

// embedded is the server in this process. It can be replaced under its connections, which reconnect.
type embedded struct {
	dir    string
	unsafe bool // no sync per message; for import alone, which syncs everything once at its end
	log    *serverLog

	mu sync.Mutex
	s  *server.Server // nil while it is down
}

// start runs a new server on the directory.
func (m *embedded) start() error {
	s, err := server.NewServer(&server.Options{
		ServerName:             "opsbot",
		DontListen:             true,
		NoSigs:                 true, // signals belong to the program
		NoSystemAccount:        true, // nobody asks for its statistics
		JetStream:              true,
		StoreDir:               m.dir,
		SyncAlways:             !m.unsafe,
		JetStreamMaxMemory:     64 << 20, // only consumers live in memory
		JetStreamMaxStore:      server.JetStreamMaxStoreDefault,
		MaxPayload:             MaxValue + 64<<10, // headers count too
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return fmt.Errorf("start the embedded store in %s: %w", m.dir, err)
	}
	s.SetLoggerV2(m.log, false, false, false)
	s.Start()
	if !s.ReadyForConnections(startTime) || !s.JetStreamEnabled() {
		s.Shutdown()
		return fmt.Errorf("start the embedded store in %s: not ready after %v; its log says why", m.dir, startTime)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.s = s
	return nil
}

// stop ends the server and waits until its files are closed.
func (m *embedded) stop() {
	m.mu.Lock()
	s := m.s
	m.s = nil
	m.mu.Unlock()
	if s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// InProcessConn implements nats.InProcessConnProvider.
func (m *embedded) InProcessConn() (net.Conn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.s == nil {
		return nil, errDown
	}
	return m.s.InProcessConn()
}
