{{/* What a pod would stumble over at its start is said here, before anything is installed. */}}
{{- define "vss.check" -}}
{{- if not .Values.settings.vaults -}}
{{- fail "settings.vaults is empty: name at least one Vault, e.g. [{name: main, address: \"https://vault.example.com:8200\", auth: {method: kubernetes, role: vault-secret-sync}}]" -}}
{{- end -}}
{{- $http := (include "vss.webhookSection" . | fromYaml).http -}}
{{- if not (or .Values.settings.webhook.tokens .Values.settings.webhook.allowUnauthenticated ($http.tls | default dict).clients) -}}
{{- fail "settings.webhook.tokens is empty: put a token into a Secret and name it, e.g. [{tokenFile: /secrets/vss-webhook/token}]" -}}
{{- end -}}
{{- if not (or $http.tls $http.plain) -}}
{{- fail "/events would be listened to without TLS: set webhook.tls.secretName to a Secret with tls.crt and tls.key (e.g. of cert-manager), or, where a mesh or an ingress ends TLS in front of it, settings.webhook.http.plain: true" -}}
{{- end -}}
{{- $state := .Values.settings.state | default dict -}}
{{- $group := or $state.sentinel $state.cluster -}}
{{- if and (eq .Values.mode "split") (not .Values.redis.url) (not .Values.redis.existingSecret.name) (not $group) -}}
{{- fail "mode split needs Redis: set redis.existingSecret.name (a Secret whose key url holds redis://user:password@host:6379), or redis.url, settings.state.sentinel or settings.state.cluster, or mode: single" -}}
{{- end -}}
{{- if and $group (or .Values.redis.url .Values.redis.existingSecret.name) -}}
{{- fail "settings.state names Sentinels or a cluster: leave redis.url and redis.existingSecret.name empty, and give the password by settings.state.passwordFile" -}}
{{- end -}}
{{- end -}}

{{/* The section `webhook` of the settings, as a pod needs it: Vault reaches the listeners from elsewhere. */}}
{{- define "vss.webhookSection" -}}
{{- $listeners := list -}}
{{- range .Values.settings.webhook.tcp -}}
{{- $listeners = append $listeners (merge (deepCopy .) (dict "host" "0.0.0.0" "port" 9090)) -}}
{{- end -}}
{{- $datagrams := list -}}
{{- range .Values.settings.webhook.udp -}}
{{- $datagrams = append $datagrams (merge (deepCopy .) (dict "host" "0.0.0.0" "port" 9090)) -}}
{{- end -}}
{{- $http := dict "host" "0.0.0.0" -}}
{{- with .Values.webhook.tls -}}
{{- if .secretName -}}
{{- $tls := dict "certFile" (printf "/secrets/%s/tls.crt" .secretName) "keyFile" (printf "/secrets/%s/tls.key" .secretName) -}}
{{- if .clients -}}
{{- $tls = merge $tls (dict "clientCaFile" (printf "/secrets/%s/ca.crt" .secretName) "clients" .clients "require" .require) -}}
{{- end -}}
{{- $http = merge $http (dict "tls" $tls) -}}
{{- end -}}
{{- end -}}
{{- $http = merge (deepCopy .Values.settings.webhook.http) $http -}}
{{- merge (dict "tcp" $listeners "udp" $datagrams "http" $http) (omit .Values.settings.webhook "tcp" "udp" "http") | toYaml -}}
{{- end -}}

{{/* How /events is spoken to. */}}
{{- define "vss.eventsScheme" -}}
{{- ternary "https" "http" (hasKey (include "vss.webhookSection" . | fromYaml).http "tls") -}}
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
