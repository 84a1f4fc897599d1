# k6-nostr: the command line, the scenarios and k6, for every command of the CLI. No network at run time.
FROM grafana/k6:2.2.0 AS k6

FROM node:24.21.0-trixie-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24.21.0-trixie-slim
LABEL org.opencontainers.image.title="k6-nostr" org.opencontainers.image.licenses="MIT"
WORKDIR /app
COPY --from=k6 /usr/bin/k6 /usr/local/bin/k6
COPY --from=packages /app/node_modules ./node_modules
COPY package.json tsconfig.json LICENSE ./
COPY bin ./bin
COPY build/*.ts ./build/
COPY deploy/load ./deploy/load
COPY k6 ./k6
COPY src ./src
# Volumes take these rights over, so that any user of `user:` may write there.
RUN mkdir -p build/dist pools reports/load-test /home/node/.cache \
  && chmod 1777 build/dist pools reports/load-test /home/node/.cache
ENV HOME=/home/node NODE_ENV=production
USER 1000:1000
# For `relay`, the one command that serves; the compose file has a health check for each service.
HEALTHCHECK --interval=10s --timeout=3s --retries=6 CMD ["node", "deploy/load/relay-health.mjs", "7777"]
ENTRYPOINT ["node", "bin/k6-nostr.mjs"]
CMD ["--help"]
