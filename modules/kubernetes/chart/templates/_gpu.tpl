{{/*
  The values of the node label nvidia.com/gpu.product that a model stands for.
  GPU feature discovery writes the product's name with dashes for blanks
  (github.com/NVIDIA/k8s-device-plugin, docs/gpu-feature-discovery): NVIDIA-L4,
  Tesla-T4. Models that are sold in several forms are listed; others are taken
  by their own name.
*/}}
{{- define "skysail.gpuProducts" -}}
{{- $forms := dict
  "A100" (list "NVIDIA-A100-PCIE-40GB" "NVIDIA-A100-SXM4-40GB" "NVIDIA-A100-80GB-PCIe" "NVIDIA-A100-SXM4-80GB")
  "A100-40GB" (list "NVIDIA-A100-PCIE-40GB" "NVIDIA-A100-SXM4-40GB")
  "A100-80GB" (list "NVIDIA-A100-80GB-PCIe" "NVIDIA-A100-SXM4-80GB")
  "H100" (list "NVIDIA-H100-80GB-HBM3" "NVIDIA-H100-NVL" "NVIDIA-H100-PCIe")
  "V100" (list "Tesla-V100-PCIE-16GB" "Tesla-V100-PCIE-32GB" "Tesla-V100-SXM2-16GB" "Tesla-V100-SXM2-32GB")
-}}
{{- $name := . | replace " " "-" | replace "_" "-" -}}
{{- $model := $name | upper | trimPrefix "NVIDIA-" | trimPrefix "TESLA-" -}}
{{- $bare := regexReplaceAll "^(?i)(nvidia-)?(tesla-)?" $name "" -}}
{{- if hasKey $forms $model -}}
{{ get $forms $model | toJson }}
{{- else -}}
{{ list (printf "NVIDIA-%s" $bare) (printf "NVIDIA-%s" $model) (printf "Tesla-%s" $bare) (printf "Tesla-%s" $model) $name | uniq | toJson }}
{{- end -}}
{{- end -}}

{{/*
  GKE has no such label but cloud.google.com/gke-accelerator, with names of its
  own (cloud.google.com/kubernetes-engine/docs/concepts/gpus).
*/}}
{{- define "skysail.gkeAccelerators" -}}
{{- $forms := dict
  "A100" (list "nvidia-tesla-a100" "nvidia-a100-80gb")
  "A100-40GB" (list "nvidia-tesla-a100")
  "H100" (list "nvidia-h100-80gb" "nvidia-h100-mega-80gb")
-}}
{{- $model := . | replace " " "-" | replace "_" "-" | upper | trimPrefix "NVIDIA-" | trimPrefix "TESLA-" -}}
{{- if hasKey $forms $model -}}
{{ get $forms $model | toJson }}
{{- else -}}
{{ list (printf "nvidia-%s" (lower $model)) (printf "nvidia-tesla-%s" (lower $model)) | toJson }}
{{- end -}}
{{- end -}}

{{/* Terms of node affinity, of which one has to hold. */}}
{{- define "skysail.gpuTerms" -}}
{{- $gpu := .Values.resources.gpu -}}
{{- $memory := list -}}
{{- if $gpu.memory_gb -}}
{{- /* In MiB; a GPU of 24 GiB says a little less, so a tenth is let off. */ -}}
{{- $memory = list (dict "key" "nvidia.com/gpu.memory" "operator" "Gt" "values" (list (printf "%.0f" (floor (mulf $gpu.memory_gb 1024 0.9))))) -}}
{{- end -}}
{{- if $gpu.model -}}
{{- $product := dict "key" "nvidia.com/gpu.product" "operator" "In" "values" (include "skysail.gpuProducts" $gpu.model | fromJsonArray) -}}
- matchExpressions: {{ concat (list $product) $memory | toJson }}
{{- if not $memory }}
- matchExpressions: {{ list (dict "key" "cloud.google.com/gke-accelerator" "operator" "In" "values" (include "skysail.gkeAccelerators" $gpu.model | fromJsonArray)) | toJson }}
{{- end }}
{{- else -}}
- matchExpressions: {{ $memory | toJson }}
{{- end -}}
{{- end -}}
