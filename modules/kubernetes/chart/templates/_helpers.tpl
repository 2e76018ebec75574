{{/* The pods of this release, and no others. */}}
{{- define "skysail.selector" -}}
app.kubernetes.io/name: {{ .Values.name | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* What every object and every pod carries; skysail finds them by the last. */}}
{{- define "skysail.labels" -}}
{{ include "skysail.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
skysail.dev/deployment: {{ .Values.deployment | quote }}
{{- end -}}

{{- define "skysail.metadata" -}}
name: {{ .Release.Name | quote }}
namespace: {{ .Release.Namespace | quote }}
labels:
  {{- include "skysail.labels" . | nindent 2 }}
{{- end -}}

{{/* Kubernetes expands $(NAME) and makes $ of $$ in what a container is given
     (pkg/third_party/forked/golang/expansion): a doubled $ is one $. */}}
{{- define "skysail.literal" -}}
{{ . | replace "$" "$$" | quote }}
{{- end -}}

{{/* GiB as whole MiB. */}}
{{- define "skysail.mebi" -}}
{{ printf "%.0fMi" (ceil (mulf . 1024)) | quote }}
{{- end -}}

{{- define "skysail.autoscaled" -}}
{{- if gt (int .Values.instances.max) (int .Values.instances.min) }}true{{ end -}}
{{- end -}}

{{/* How many instances: what the autoscaler has chosen stays as it is through
     an upgrade, within the range. */}}
{{- define "skysail.replicas" -}}
{{- $min := int .Values.instances.min -}}
{{- $n := $min -}}
{{- if include "skysail.autoscaled" . -}}
{{- $now := lookup "apps/v1" "Deployment" .Release.Namespace .Release.Name -}}
{{- if $now -}}
{{- $n = max $min (min (int .Values.instances.max) (int (dig "spec" "replicas" $min $now))) -}}
{{- end -}}
{{- end -}}
{{ $n }}
{{- end -}}

{{/* Whether the whole of the IPv4 or IPv6 internet may come in. */}}
{{- define "skysail.world" -}}
{{- if or (has "0.0.0.0/0" .Values.access.ingress) (has "::/0" .Values.access.ingress) }}true{{ end -}}
{{- end -}}

{{/* The named port's number, for what is scraped: a monitor of a port that the
     service does not have is none. */}}
{{- define "skysail.monitored" -}}
{{- if .Values.monitor -}}
{{- range .Values.ports }}{{ if eq .name $.Values.monitor.port }}{{ int .number }}{{ end }}{{ end -}}
{{- end -}}
{{- end -}}
