{{/* What a pod would stumble over at its start is said here, before anything is installed. */}}
{{- define "vss.check" -}}
{{- if not .Values.settings.vaults -}}
{{- fail "settings.vaults is empty: name at least one Vault, e.g. [{name: main, address: \"https://vault.example.com:8200\", auth: {method: kubernetes, role: vault-secret-sync}}]" -}}
{{- end -}}
{{- if not (or .Values.settings.webhook.tokens .Values.settings.webhook.allowUnauthenticated) -}}
{{- fail "settings.webhook.tokens is empty: put a token into a Secret and name it, e.g. [{tokenFile: /secrets/vss-webhook/token}]" -}}
{{- end -}}
{{- if and (eq .Values.mode "split") (not .Values.redis.url) (not .Values.redis.existingSecret.name) -}}
{{- fail "mode split needs Redis: set redis.existingSecret.name (a Secret whose key url holds redis://user:password@host:6379), or redis.url, or mode: single" -}}
{{- end -}}
{{- end -}}

{{/* The section `webhook` of the settings, as a pod needs it: Vault connects to the TCP listeners from elsewhere. */}}
{{- define "vss.webhookSection" -}}
{{- $listeners := list -}}
{{- range .Values.settings.webhook.tcp -}}
{{- $listeners = append $listeners (merge (deepCopy .) (dict "host" "0.0.0.0" "port" 9090)) -}}
{{- end -}}
{{- merge (dict "tcp" $listeners) (omit .Values.settings.webhook "tcp") | toYaml -}}
{{- end -}}

{{/*
The settings file of a role. The webhook's has nothing that it could reach Vault or a store with: of each Vault its names, of
everything else only what the webhook itself uses.
*/}}
{{- define "vss.settings" -}}
{{- $settings := .root.Values.settings -}}
{{- $webhook := include "vss.webhookSection" .root | fromYaml -}}
{{- if eq .role "webhook" -}}
{{- $vaults := list -}}
{{- range $settings.vaults -}}
{{- $vaults = append $vaults (pick . "name" "address" "aliases") -}}
{{- end -}}
{{- merge (dict "roles" (list "webhook") "vaults" $vaults "webhook" $webhook) (pick $settings "log" "state" "ops" "shutdownGrace") | toYaml -}}
{{- else if eq .role "operator" -}}
{{- merge (dict "roles" (list "operator")) (omit $settings "webhook") | toYaml -}}
{{- else -}}
{{- merge (dict "roles" (list "webhook" "operator") "webhook" $webhook) (omit $settings "webhook") | toYaml -}}
{{- end -}}
{{- end -}}

{{/* Names of the Secrets (kind "secrets") or ConfigMaps (kind "configmaps") whose files a text names, as a JSON list. */}}
{{- define "vss.namedIn" -}}
{{- $names := list -}}
{{- range regexFindAll (printf "(File|value): [\"']?/%s/[a-z0-9.-]+/" .kind) .text -1 -}}
{{- $names = append $names (. | trimSuffix "/" | base) -}}
{{- end -}}
{{- $names | uniq | sortAlpha | toJson -}}
{{- end -}}
