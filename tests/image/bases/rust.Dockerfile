# Stands in for the public rust:1.82-slim: the true 1.82.0 toolchain, fetched by rustup into the build context, at the
# public image's paths. There is no Python in it.
FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:$PATH RUST_VERSION=1.82.0
COPY rustup /usr/local/rustup
COPY cargo /usr/local/cargo
RUN chmod a+w /usr/local/cargo
CMD ["bash"]
