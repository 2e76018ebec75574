{{/* The restricted Pod Security Standard; fsGroup makes a volume writable for
     a user that is not root, and the sysctl, which that standard allows, lets
     one listen below 1024. */}}
{{- define "skysail.podSecurity" -}}
runAsNonRoot: true
{{- if .Values.runAsUser }}
runAsUser: {{ int64 .Values.runAsUser }}
runAsGroup: {{ int64 .Values.runAsUser }}
{{- end }}
{{- if .Values.disk }}
fsGroup: {{ int64 (.Values.runAsUser | default 65532) }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- $low := false }}
{{- range .Values.ports }}{{ if lt (int .number) 1024 }}{{ $low = true }}{{ end }}{{ end }}
{{- if $low }}
sysctls:
  - name: net.ipv4.ip_unprivileged_port_start
    value: "0"
{{- end }}
{{- end -}}

{{- define "skysail.env" -}}
{{- if or .Values.env .Values.secrets -}}
env:
  {{- range $name, $value := .Values.env }}
  - name: {{ $name | quote }}
    value: {{ include "skysail.literal" $value }}
  {{- end }}
  {{- range .Values.secrets }}
  - name: {{ . | quote }}
    valueFrom:
      secretKeyRef:
        name: {{ required "secretName is needed for secrets" $.Values.secretName | quote }}
        key: {{ . | quote }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* One that has not answered for readySeconds is started anew; after that, one
     that does not answer for 15 seconds gets no requests, and for a minute a
     restart. */}}
{{- define "skysail.probes" -}}
{{- with .Values.health -}}
{{- $check := include "skysail.check" . -}}
startupProbe:
  {{- $check | nindent 2 }}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: {{ max 1 (div (int $.Values.readySeconds) 2) }}
readinessProbe:
  {{- $check | nindent 2 }}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
livenessProbe:
  {{- $check | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end -}}
{{- end -}}

{{- define "skysail.check" -}}
{{- $port := int .port -}}
{{- $type := .type | default "http" -}}
{{- if eq $type "tcp" -}}
tcpSocket: {{ dict "port" $port | toJson }}
{{- else if eq $type "grpc" -}}
grpc: {{ dict "port" $port "service" (.service | default "") | toJson }}
{{- else -}}
{{- $get := dict "path" .path "port" $port "scheme" (upper $type) -}}
{{- with .headers -}}
{{- $list := list -}}
{{- range $name, $value := . -}}
{{- $list = append $list (dict "name" $name "value" $value) -}}
{{- end -}}
{{- $_ := set $get "httpHeaders" $list -}}
{{- end -}}
httpGet: {{ $get | toJson }}
{{- end -}}
{{- end -}}

{{/* Limits are what is requested: an instance has just what was asked for, as
     on a machine of its own, and is the last to be evicted. */}}
{{- define "skysail.resources" -}}
{{- $r := .Values.resources -}}
{{- range list "requests" "limits" -}}
{{ . }}:
  cpu: {{ printf "%.0fm" (ceil (mulf $r.cpu 1000)) | quote }}
  memory: {{ include "skysail.mebi" $r.memory_gb }}
  {{- if $r.storage_gb }}
  ephemeral-storage: {{ include "skysail.mebi" $r.storage_gb }}
  {{- end }}
  {{- with $r.gpu }}
  nvidia.com/gpu: {{ int .count | toString | quote }}
  {{- end }}
{{ end -}}
{{- end -}}
