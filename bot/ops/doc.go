// Package ops is how the program is watched: health by votes, metrics, profiles, the messages to systemd, the version, and the listeners that
// all of HTTP enters by.
//
// In come votes of the rooms ([Vote]), what happened ([Metrics]) and the heartbeat of the engine; out go /livez, /readyz, /metrics and
// /debug/pprof ([Handler]), and sd_notify messages ([Notifier]). Read ready.go first, then handler.go.
//
//	board := ops.NewBoard(ops.Vote{Name: "store", Ready: store.Ready})
//	servers, err := ops.Listen(ctx, ops.Network{Listeners: []ops.Listener{{Address: "127.0.0.1:8081", Groups: []string{"ops"}}},
//		Routes: map[string]http.Handler{"ops": ops.Handler(board, ops.NewMetrics(ops.Version()))}})
package ops
