# The project's image. `docker build -t sceplab .` builds the program and puts it on a small base.
#
# BASE is the image that the program runs on. It needs the C library and libgcc_s of a release no older than RUST's, and the
# user 65532 in /etc/passwd, because `ssh` looks it up. RUST is the image that builds the program. It needs a C compiler, Perl,
# make and OpenSSH's client. BuildKit is not needed.
ARG BASE=gcr.io/distroless/cc-debian12
ARG RUST=rust:1-bookworm

# Everything but the program. No command is run here, because the base may have no shell.
FROM ${BASE} AS runtime
LABEL org.opencontainers.image.title="sceplab" \
      org.opencontainers.image.description="Tests SCEP (RFC 8894): mock CAs, a client, scenarios, conformance" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/sceplab/
# The container's address is not known in advance, so it listens on all; `docker run -p` decides who can reach it.
ENV SCEPLAB_LISTEN=0.0.0.0:8080
EXPOSE 8080
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/usr/local/bin/sceplab", "health"]
ENTRYPOINT ["/usr/local/bin/sceplab"]
CMD ["--help"]

# Only the manifests, with empty crates, so that the result of this stage changes only if a manifest does.
FROM ${RUST} AS manifests
WORKDIR /all
COPY . .
RUN mkdir /manifests && find . -name Cargo.toml -exec cp --parents -t /manifests {} + && cp Cargo.lock /manifests/ \
    && cd /manifests && find . -mindepth 2 -name Cargo.toml -exec sed -i '/^\[\[\(test\|bench\)\]\]/,/^$/d' {} + \
    && for crate in $(find . -mindepth 2 -name Cargo.toml -exec dirname {} +); do mkdir "$crate/src" && touch "$crate/src/lib.rs"; done \
    && mv harness/cli/src/lib.rs harness/cli/src/main.rs && echo 'fn main() {}' > harness/cli/src/main.rs

FROM ${RUST} AS build
ENV CARGO_PROFILE_RELEASE_DEBUG=none CARGO_PROFILE_RELEASE_STRIP=symbols
WORKDIR /build
# The dependencies, including OpenSSL, are built here and kept until a manifest changes.
COPY --from=manifests /manifests ./
RUN cargo build --release --locked --package sceplab --features docker
COPY . .
# `touch` makes the real sources newer than the empty crates.
RUN find . -path '*/src/lib.rs' -exec touch {} + && touch harness/cli/src/main.rs \
    && cargo build --release --locked --package sceplab --features docker \
    && mkdir /out /out/state && mv target/release/sceplab /out/ \
    && .ci/licenses > /out/THIRD-PARTY.txt
# The driver `live` needs the system's `ssh`. Its libraries are copied, too, except the C library, which the base has.
RUN for program in /usr/bin/ssh /usr/bin/ssh-keygen; do \
        install -D "$program" "/out/ssh$program"; \
        for library in $(ldd "$program" | awk '$2 == "=>" && $1 !~ /^lib(c|m|dl|rt|pthread|resolv)\.so/ { print $3 }'); do \
            install -D "$library" "/out/ssh/usr${library#/usr}"; \
        done; \
    done

FROM runtime
# A new volume takes its owner from this folder.
COPY --from=build --chown=65532:65532 /out/state /var/lib/sceplab
COPY --from=build /out/ssh/usr /usr
COPY --from=build /out/THIRD-PARTY.txt /usr/share/doc/sceplab/
COPY --from=build /out/sceplab /usr/local/bin/sceplab
WORKDIR /var/lib/sceplab
