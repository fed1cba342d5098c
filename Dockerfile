# A static binary on nothing, run by nobody in particular.
#
#   docker build -t distkit-proxy --build-arg VERSION=v1.2.3 .
#   docker run --rm -p 127.0.0.1:6380:6380 distkit-proxy --redis redis://10.0.0.5:6379

FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The image is built without the repository, so nobody but the builder knows it.
ARG VERSION=unversioned
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION:-unversioned}" -o /distkit-proxy ./cmd/distkit-proxy

FROM scratch
# For rediss:// with a certificate that a public authority signed.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /distkit-proxy /distkit-proxy
USER 65532:65532
# In a container loopback is the container itself: who may reach the proxy is
# decided by what publishes the port. DISTKIT_LISTEN and DISTKIT_PUBLIC undo it.
ENV DISTKIT_LISTEN=0.0.0.0:6380 DISTKIT_PUBLIC=on
EXPOSE 6380
STOPSIGNAL SIGTERM
ENTRYPOINT ["/distkit-proxy"]
