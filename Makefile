# make build  the binary bin/opsbot
# make demo   the bot on an edge made on this machine, with what is installed; a prompt on a terminal, a scripted tour elsewhere
# make test   everything that must hold: format, vet, staticcheck, modernizers, tests with the race detector, against real servers
# make bench  the tables of speed, with the tools people use today in the same run
# make install  the binary and, with systemd or launchd, its units (PREFIX, DESTDIR)
# make soak   the long runs: crashes and scale in full (make test runs a tenth of them)
SHELL       := /bin/bash
GO          ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
# What the tests talk to, and the program that tells that it is there.
PACKAGES    := varnish varnish-modules gcc libc6-dev icinga2-bin icinga2-common monitoring-plugins-basic curl iproute2 iputils-ping nftables ethtool systemd
NEEDED      := varnishd varnishadm varnishstat cc icinga2 ip ping
TESTFLAGS   ?=
# The tests of the language that count what they tried; make soak prints their counts.
COUNTED     := Prose|Changelogs|Random|WordsInAnyOrder|HeldOut|Reports|Widen
PREFIX      ?= /usr/local
UNITDIR     ?= /etc/systemd/system

.PHONY: build demo install image install-needs lint test bench soak clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -o bin/opsbot ./bot/opsbot

demo: build
	bin/opsbot demo

# Puts the binary, its units and its manual pages below PREFIX, in DESTDIR where that is given. Starts nothing.
install: build
	install -D -m 0755 bin/opsbot $(DESTDIR)$(PREFIX)/bin/opsbot
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	bin/opsbot man $(DESTDIR)$(PREFIX)/share/man/man1
ifeq ($(shell uname -s),Darwin)
	install -d $(DESTDIR)/Library/LaunchDaemons
	for u in net.opsbot.plist net.opsbot.agent.plist; do sed 's#/usr/local/bin#$(PREFIX)/bin#' bot/ops/unit/$$u >$(DESTDIR)/Library/LaunchDaemons/$$u; done
else
	install -d $(DESTDIR)$(UNITDIR)
	for u in opsbot.service opsbot-agent.service; do sed 's#/usr/local/bin#$(PREFIX)/bin#' bot/ops/unit/$$u >$(DESTDIR)$(UNITDIR)/$$u; done
endif
	@echo "installed; next: opsbot init, let the service read what it wrote (see the head of the unit), then systemctl enable --now opsbot (launchctl bootstrap system on a Mac)"

# Builds the image by what .ci/image needs, runs it as uid 65532, and asks it for its health.
image:
	.ci/image

# Installs what the tests talk to, where that is possible, and keeps the services from starting. Says what is missing and what that means.
install-needs:
	@missing=""; for p in $(NEEDED); do command -v $$p >/dev/null || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		.ci/install-packages $(PACKAGES); \
	fi; \
	missing=""; for p in $(NEEDED); do command -v $$p >/dev/null || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
		echo "missing:$$missing (Debian: apt-get install $(PACKAGES)): the tests that talk to a real Varnish or Icinga2 are skipped"; \
		[ -z "$$OPSBOT_REQUIRE_REAL" ] || { echo "OPSBOT_REQUIRE_REAL is set: a missing server is a failure"; exit 1; }; \
	fi

lint:
	@out=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); [ -z "$$out" ] || { echo "not gofmt-ed:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	GOOS=darwin GOARCH=arm64 $(GO) vet ./...
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) build -o /dev/null ./bot/opsbot
	$(GO) fix -diff ./...
	$(GO) run $(STATICCHECK) ./...

test: install-needs lint
	$(GO) test -race -timeout 20m $(TESTFLAGS) ./...

soak: install-needs
	OPSBOT_SOAK=1 $(GO) test -timeout 120m -count=1 $(TESTFLAGS) ./...
	@echo "what the language was tried with:"; set -o pipefail; OPSBOT_SOAK=1 $(GO) test -v -timeout 60m -count=1 -run '$(COUNTED)' ./intents | \
		awk '/ lines[ ,]|plain commands|^ *--- (FAIL|SKIP)|^(FAIL|ok)/ {sub(/^ +[a-z_]+\.go:[0-9]+: /, "  "); print}'

bench: install-needs build
	.ci/bench

clean:
	rm -rf bin
