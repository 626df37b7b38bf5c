# The project's image. `docker build -t sceplab .` builds the program and puts it on a small base.
#
# BASE: what the program runs on, with the C library and libgcc_s of a release no older than RUST's, and with the user 65532 in
# its list of users, which `ssh` looks up; RUST: what builds it, with a C compiler, Perl, make and OpenSSH's client. Neither this file nor the program needs BuildKit.
ARG BASE=gcr.io/distroless/cc-debian12
ARG RUST=rust:1-bookworm

# All but the program. Nothing is run here, for the base need not have a shell.
FROM ${BASE} AS runtime
LABEL org.opencontainers.image.title="sceplab" \
      org.opencontainers.image.description="Tests SCEP (RFC 8894): mock CAs, a client, scenarios, conformance" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/sceplab/
# A container is reached by its own address, which is not known here; who else may reach it `docker run -p` says.
ENV SCEPLAB_LISTEN=0.0.0.0:8080
EXPOSE 8080
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/usr/local/bin/sceplab", "health"]
ENTRYPOINT ["/usr/local/bin/sceplab"]
CMD ["--help"]

# The manifests alone, with empty crates: this stage's result changes only if one of them does.
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
# What it depends on, OpenSSL among it, is built once and then kept, until one of the manifests changes.
COPY --from=manifests /manifests ./
RUN cargo build --release --locked --package sceplab --features docker
COPY . .
# The empty crates are as new as the real ones may be.
RUN find . -path '*/src/lib.rs' -exec touch {} + && touch harness/cli/src/main.rs \
    && cargo build --release --locked --package sceplab --features docker \
    && mkdir /out /out/state && mv target/release/sceplab /out/
# Real devices are reached by the system's `ssh`: that and its libraries, but for those of the C library, which the base has.
RUN for program in /usr/bin/ssh /usr/bin/ssh-keygen; do \
        install -D "$program" "/out/ssh$program"; \
        for library in $(ldd "$program" | awk '$2 == "=>" && $1 !~ /^lib(c|m|dl|rt|pthread|resolv)\.so/ { print $3 }'); do \
            install -D "$library" "/out/ssh/usr${library#/usr}"; \
        done; \
    done

FROM runtime
# A volume that is new takes its owner from here; a folder that was there already would keep its own.
COPY --from=build --chown=65532:65532 /out/state /var/lib/sceplab
COPY --from=build /out/ssh/usr /usr
COPY --from=build /out/sceplab /usr/local/bin/sceplab
WORKDIR /var/lib/sceplab
