{{- define "vss.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "vss.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "vss.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels that Deployments and Services select by; they never change. Takes (dict "root" $ "role" "operator"). */}}
{{- define "vss.selector" -}}
app.kubernetes.io/name: {{ include "vss.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .role }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "vss.labels" -}}
{{ include "vss.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{/* The pods that hear: in mode single, those that do everything. */}}
{{- define "vss.hearingRole" -}}
{{- ternary "webhook" "single" (eq .Values.mode "split") -}}
{{- end -}}

{{- define "vss.operatorServiceAccount" -}}
{{- default (printf "%s-operator" (include "vss.fullname" .)) .Values.operator.serviceAccount.name -}}
{{- end -}}

{{- define "vss.webhookServiceAccount" -}}
{{- default (printf "%s-webhook" (include "vss.fullname" .)) .Values.webhook.serviceAccount.name -}}
{{- end -}}

{{- define "vss.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}
