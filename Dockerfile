# The image of OpsBot: the static binary, the certificates, nothing else. It runs as uid 65532.
#
#   docker build -t opsbot .
#   docker run --rm -v opsbot:/var/lib/opsbot -v ./etc:/etc/opsbot:ro opsbot
#
# GO_IMAGE is an image with Go; GOPROXY and GOFLAGS are for builds without a network. In the configuration let data_dir be /var/lib/opsbot and
# socket.path /var/lib/opsbot/opsbot.sock: those are the places that it may write to.
ARG GO_IMAGE=docker.io/library/golang:1.26-bookworm
FROM ${GO_IMAGE} AS build
ARG GOPROXY
ARG GOFLAGS
ARG GOSUMDB
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -o /out/opsbot ./bot/opsbot \
 && mkdir -p /out/root/var/lib/opsbot /out/root/etc/opsbot /out/root/etc/ssl/certs /out/root/tmp \
 && cp /etc/ssl/certs/ca-certificates.crt /out/root/etc/ssl/certs/ \
 && chmod 0700 /out/root/var/lib/opsbot && chmod 1777 /out/root/tmp

FROM scratch
LABEL org.opencontainers.image.title="opsbot" \
      org.opencontainers.image.description="on-call assistant of an internet-TV edge" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build --chown=65532:65532 /out/root/ /
COPY --from=build /out/opsbot /usr/local/bin/opsbot
USER 65532:65532
ENV PATH=/usr/local/bin OPSBOT_CONFIG=/etc/opsbot/opsbot.yaml
VOLUME ["/var/lib/opsbot"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=6s --start-period=30s CMD ["/usr/local/bin/opsbot", "health"]
ENTRYPOINT ["/usr/local/bin/opsbot"]
CMD ["serve"]
