{{/*
A Deployment. Takes (dict "root" $ "role" "operator" "block" .Values.operator "redis" … "serviceAccount" …); role is operator,
webhook or single. "redis" is a dict like .Values.redis, or empty.
*/}}
{{- define "vss.deployment" -}}
{{- $root := .root -}}
{{- $role := .role -}}
{{- $block := .block -}}
{{- $hears := ne $role "operator" -}}
{{- $drives := ne $role "webhook" -}}
{{- $fullname := include "vss.fullname" $root -}}
{{- $name := ternary $fullname (printf "%s-%s" $fullname $role) (eq $role "single") -}}
{{- $settings := include "vss.settings" (dict "root" $root "role" $role) -}}
{{- $text := printf "%s\n%s" $settings (toYaml $block.env) -}}
{{- $secrets := include "vss.namedIn" (dict "kind" "secrets" "text" $text) | fromJsonArray -}}
{{- $configMaps := include "vss.namedIn" (dict "kind" "configmaps" "text" $text) | fromJsonArray -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "vss.labels" (dict "root" $root "role" $role) | nindent 4 }}
spec:
  replicas: {{ ternary 1 (int $block.replicas) (eq $role "single") }}
  {{- if eq $role "single" }}
  # Two of them would not know of each other.
  strategy:
    type: Recreate
  {{- end }}
  selector:
    matchLabels: {{- include "vss.selector" (dict "root" $root "role" $role) | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "vss.labels" (dict "root" $root "role" $role) | nindent 8 }}
        {{- with $block.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        checksum/settings: {{ sha256sum $settings }}
        {{- with $block.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ .serviceAccount }}
      automountServiceAccountToken: {{ $drives }}
      # Kubernetes would describe a Service called vss in variables VSS_…, which are settings to the program.
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ add (int $root.Values.settings.shutdownGrace) 10 }}
      securityContext: {{- toYaml $root.Values.podSecurityContext | nindent 8 }}
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $block.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      containers:
        - name: {{ $role }}
          image: {{ include "vss.image" $root }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [start, --settings, /etc/vault-secret-sync/settings.yaml]
          env:
            {{- if $drives }}
            - name: POD_NAMESPACE
              valueFrom:
                fieldRef:
                  fieldPath: metadata.namespace
            {{- end }}
            {{- if .redis.existingSecret.name }}
            - name: VSS_STATE_REDIS
              valueFrom:
                secretKeyRef:
                  name: {{ .redis.existingSecret.name }}
                  key: {{ .redis.existingSecret.key }}
            {{- else if .redis.url }}
            - name: VSS_STATE_REDIS
              value: {{ .redis.url | quote }}
            {{- end }}
            {{- with $block.env }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          ports:
            {{- if $hears }}
            - name: events
              containerPort: {{ int $root.Values.settings.webhook.http.port }}
            {{- range $index, $listener := (include "vss.webhookSection" $root | fromYaml).tcp }}
            - name: socket-{{ $index }}
              containerPort: {{ int $listener.port }}
            {{- end }}
            {{- range $index, $listener := (include "vss.webhookSection" $root | fromYaml).udp }}
            - name: datagrams-{{ $index }}
              containerPort: {{ int $listener.port }}
              protocol: UDP
            {{- end }}
            {{- end }}
            - name: ops
              containerPort: {{ int $root.Values.settings.ops.port }}
          startupProbe:
            httpGet: {path: /healthz, port: ops}
            periodSeconds: 2
            failureThreshold: 60
          livenessProbe:
            httpGet: {path: /healthz, port: ops}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: /readyz, port: ops}
            periodSeconds: 5
            timeoutSeconds: 3
          resources: {{- toYaml $block.resources | nindent 12 }}
          securityContext: {{- toYaml $root.Values.securityContext | nindent 12 }}
          volumeMounts:
            - name: settings
              mountPath: /etc/vault-secret-sync
              readOnly: true
            {{- range $index, $secret := $secrets }}
            - name: secret-{{ $index }}
              mountPath: /secrets/{{ $secret }}
              readOnly: true
            {{- end }}
            {{- range $index, $configMap := $configMaps }}
            - name: configmap-{{ $index }}
              mountPath: /configmaps/{{ $configMap }}
              readOnly: true
            {{- end }}
            {{- with $block.volumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        - name: settings
          configMap:
            name: {{ $name }}
        {{- range $index, $secret := $secrets }}
        - name: secret-{{ $index }}
          secret:
            secretName: {{ $secret }}
            defaultMode: 0440
        {{- end }}
        {{- range $index, $configMap := $configMaps }}
        - name: configmap-{{ $index }}
          configMap:
            name: {{ $configMap }}
        {{- end }}
        {{- with $block.volumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $block.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $block.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $block.affinity }}
      affinity: {{- toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints:
        {{- with $block.topologySpreadConstraints }}
        {{- toYaml . | nindent 8 }}
        {{- else }}
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "vss.selector" (dict "root" $root "role" $role) | nindent 14 }}
        {{- end }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "vss.labels" (dict "root" $root "role" $role) | nindent 4 }}
data:
  settings.yaml: |
    {{- $settings | nindent 4 }}
{{- end -}}
