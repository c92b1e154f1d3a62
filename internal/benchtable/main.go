package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "benchtable:", err)
		os.Exit(1)
	}
}

// run carries out the commands one after another, so that none disturbs another, and prints the table. A command that fails is named below the
// table and makes the whole fail; the others are still shown.
func run(ctx context.Context, commands []string, stdout, stderr io.Writer) error {
	var t table
	var failed []string
	for _, c := range commands {
		fmt.Fprintln(stderr, "running:", c)
		cmd := exec.CommandContext(ctx, "bash", "-c", c)
		cmd.Stderr = stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return fmt.Errorf("start %q: %w", c, err)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			t.add(lines.Text())
		}
		if err := cmd.Wait(); err != nil {
			failed = append(failed, fmt.Sprintf("%q: %v", c, err))
		}
	}
	fmt.Fprintf(stdout, "machine: %s, %d cores, %s/%s, %s\n\n", cpu(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	t.print(stdout)
	if failed != nil {
		return fmt.Errorf("not measured: %s", strings.Join(failed, "; "))
	}
	return nil
}

// cpu names the processor, as Linux tells it.
func cpu() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t :"))
		}
	}
	return "unknown processor"
}
