package ops_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/bot/ops"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := ops.NewMetrics(ops.Build{Version: "v1", Go: "go1.26"})
	m.StepEnded("cache.purge", "done", 30*time.Millisecond)
	m.StepEnded("cache.purge", "done", 2*time.Second)
	m.StepEnded("cache.purge", "failed", time.Second)
	m.RunEnded("done")
	m.RunEnded("undone")
	m.RunsLive(3)
	m.Message("terminal", "confirm")
	m.Message("terminal", "anna said \"flush\"")
	m.DoorReady("slack", false)
	m.ConfigRead("0000000000ff0123", time.UnixMilli(2500))
	m.ConfigRefused()
	m.StoreReady(true)
	m.Exported(time.UnixMilli(1500), nil)
	m.Exported(time.Time{}, errors.New("disk full"))
	want := []string{
		`opsbot_build_info{goversion="go1.26",modified="false",revision="",version="v1"} 1`,
		`opsbot_config_hash 255`,
		`opsbot_config_reload_success 0`,
		`opsbot_config_reload_success_timestamp_seconds 2.5`,
		`opsbot_config_reloads_total{result="refused"} 1`,
		`opsbot_config_reloads_total{result="taken"} 1`,
		`opsbot_desk_messages_total{decision="confirm",door="terminal"} 1`,
		`opsbot_desk_messages_total{decision="other",door="terminal"} 1`,
		`opsbot_door_ready{door="slack"} 0`,
		`opsbot_run_ended_total{state="done"} 1`,
		`opsbot_run_ended_total{state="undone"} 1`,
		`opsbot_run_live 3`,
		`opsbot_run_steps_total{kind="cache.purge",state="done"} 2`,
		`opsbot_run_steps_total{kind="cache.purge",state="failed"} 1`,
		`opsbot_store_export_failures_total 1`,
		`opsbot_store_export_timestamp_seconds 1.5`,
		`opsbot_store_ready 1`,
	}
	var got []string
	_, text := get(t, ops.Handler(ops.NewBoard(), m), "/metrics")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "opsbot_") && !strings.HasPrefix(line, "opsbot_run_step_seconds") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics differ (-want +got):\n%s", diff)
	}
	for _, want := range []string{`opsbot_run_step_seconds_count{kind="cache.purge"} 3`, "go_goroutines ", "process_open_fds "} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("metrics lack %q", want)
		}
	}
}

func TestConfigWithoutAHash(t *testing.T) {
	t.Parallel()
	for _, hash := range []string{"", "zz", "é"} {
		m := ops.NewMetrics(ops.Build{})
		m.ConfigRead(hash, time.Now())
		if _, text := get(t, ops.Handler(ops.NewBoard(), m), "/metrics"); !strings.Contains(text, "\nopsbot_config_hash 0\n") {
			t.Errorf("ConfigRead with hash %q: the gauge is not 0", hash)
		}
	}
}
