# The same version as the devDependency `node`, which the tests run on.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# The bundle needs nothing that a package's install script makes.
RUN npm ci --ignore-scripts
COPY scripts/build.ts scripts/
COPY src src
RUN npm run build

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="vault-secret-sync" \
      org.opencontainers.image.description="Keeps the secrets of Vault or OpenBao the same in AWS, Azure and GCP" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production
WORKDIR /app
COPY LICENSE ./
COPY --from=build /src/dist/vault-secret-sync.cjs ./
# A number, so that Kubernetes can tell that it is not root.
USER 1000:1000
# webhook, Vault's socket device, health and metrics
EXPOSE 8080 9090 9100
ENTRYPOINT ["node", "/app/vault-secret-sync.cjs"]
