# Stands in for the public python:3.11-slim where no image registry is reached: Debian's CPython 3.11 under the names
# /usr/local/bin/python and pip, with pip free to install into /usr/local, as in the public image.
FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3.11 python3.11-venv python3-pip \
 && rm -rf /var/lib/apt/lists/* /usr/lib/python3.11/EXTERNALLY-MANAGED \
 && for name in python python3 python3.11; do ln -s /usr/bin/python3.11 /usr/local/bin/$name; done
ENV LANG=C.UTF-8
CMD ["python3"]
