package bot_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/secret"
)

// receiverKey is what the receiver of scripts knows as k1.
const receiverKey = "0123456789abcdef-of-the-scripts"

type answerKey struct{}

// receiver stands in for the bot's door of alerts: it takes what is signed right.
func receiver(ts *testscript.TestScript, _ bool, args []string) {
	v, err := icinga.NewVerifier(map[string]secret.Secret{"k1": secret.New([]byte(receiverKey))}, nil, 0)
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	status := ts.Value(answerKey{}).(*atomic.Int32)
	status.Store(http.StatusOK)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = v.Verify(r.Header, body, time.Now())
		}
		code := int(status.Load())
		if err != nil {
			code = http.StatusUnauthorized
		} else if code == http.StatusOK {
			_, err = f.Write(append(body, '\n'))
		}
		if err != nil {
			http.Error(w, err.Error(), max(code, http.StatusUnauthorized))
			return
		}
		w.WriteHeader(code)
	}))
	ts.Defer(func() { server.Close(); _ = f.Close() })
	ts.Setenv("RECEIVER", server.URL)
	ts.Setenv("RECEIVERKEY", receiverKey)
}

func answer(ts *testscript.TestScript, _ bool, args []string) {
	code, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Value(answerKey{}).(*atomic.Int32).Store(int32(code))
}
