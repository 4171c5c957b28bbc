# The binary and nothing else: linked against musl, it needs no system below it.
#
#   docker build -t preflight .
#   docker run --rm -v "$PWD:/work" preflight check
FROM rust:1-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
RUN cargo build --release --locked && cp target/release/preflight /preflight

FROM scratch
COPY --from=build /preflight /preflight
COPY --from=build /src/LICENSE /LICENSE
WORKDIR /work
USER 65534:65534
ENTRYPOINT ["/preflight"]
CMD ["check"]
