# What this project can do, in few words. `make help` explains each.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test check build bench profile chaos clean

NODE := node_modules/.bin/node
PROVISION := $(NODE) test/peers/provision.ts

help: ## this page
	@echo "vault-secret-sync: copies that follow Vault"
	@echo
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | column -t -s '|'
	@echo
	@echo "The first run installs and builds what is missing and says so. Yours is taken first: VAULT_BIN, HELM_BIN,"
	@echo "VALKEY_BIN, KUBEBUILDER_ASSETS (a folder with kube-apiserver, etcd and kubectl), then what is on PATH, then a cached build."

demo: dist/vault-secret-sync.cjs ## the main job on real input: Vault, three stores, a tour (first run: some minutes)
	@$(PROVISION) vault moto >/dev/null
	@$(NODE) scripts/demo/main.ts

test: dist/vault-secret-sync.cjs ## every check and test, against real peers (first run: some 25 minutes)
	@$(PROVISION) redis valkey moto vault kube helm templates openbao syslog-ng rsyslog otelcol >/dev/null
	@$(NODE) scripts/test.ts

check: node_modules/.installed ## types, lint, unused code, generated files
	@npm run --silent check

build: dist/vault-secret-sync.cjs ## the program, as one file in dist/

bench: dist/vault-secret-sync.cjs ## the figures of the README, as ratios taken in one run
	@$(PROVISION) redis moto vault >/dev/null
	@$(NODE) scripts/bench/main.ts

profile: dist/vault-secret-sync.cjs ## where the webhook spends its time under load: a flame graph in dist/profile/
	@$(PROVISION) redis moto vault >/dev/null
	@rm -rf dist/profile
	@$(NODE) scripts/bench/main.ts --only ingest --quick --profile dist/profile

chaos: dist/vault-secret-sync.cjs ## everything goes wrong at once, then every copy is compared: "lost 0" (DURATION, SEED, REDIS=all)
	@$(PROVISION) redis vault kube >/dev/null
	@$(NODE) scripts/chaos/main.ts --seconds $(or $(DURATION),60) --seed $(or $(SEED),1) --redis $(or $(REDIS),standalone)

clean: ## removes what was built here (not the cached peers)
	rm -rf dist coverage node_modules

node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js (any version from 20 on; Node 24 itself comes with the packages)"; exit 1; }
	@echo "installing packages (about a minute the first time)"
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

dist/vault-secret-sync.cjs: node_modules/.installed scripts/build.ts $(shell find src -name '*.ts')
	@echo "building dist/ (a few seconds)"
	@$(NODE) scripts/build.ts
