// Package ops is how the program is watched: health by votes, metrics, profiles, the messages to systemd, the version, and the listeners that
// all of HTTP enters by.
//
// In come votes of the rooms ([Vote]), what happened ([Metrics]) and the heartbeat of the engine; out go /livez, /readyz, /metrics and
// /debug/pprof ([NewHandler]), and sd_notify messages ([Notifier]). Read ready.go first, then handler.go.
//
//	metrics := ops.NewMetrics(ops.Version())
//	handler := ops.NewHandler(ops.Handlers{Votes: []ops.Vote{{Name: "store", Ready: store.Ready}}, Metrics: metrics})
//	servers, err := ops.Listen(ctx, []ops.Listener{{Address: "127.0.0.1:8081", Groups: []string{"ops"}}},
//		map[string]http.Handler{"ops": handler}, log)
package ops
