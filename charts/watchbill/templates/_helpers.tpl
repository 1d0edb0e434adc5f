{{- /* What the operator's own objects are called. */}}
{{- define "watchbill.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $full .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "watchbill.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "watchbill.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name must name an account where serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- /* The user name under which the API server knows the operator. */}}
{{- define "watchbill.operatorUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "watchbill.serviceAccount" . }}
{{- end }}

{{- define "watchbill.release" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* The labels of the operator's own pods, and of no others. */}}
{{- define "watchbill.selectorLabels" -}}
{{ include "watchbill.release" . }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "watchbill.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{ include "watchbill.release" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "watchbill.image" -}}
{{- with .Values.image }}
{{- $name := ternary (printf "%s/%s" .registry .repository) .repository (ne .registry "") }}
{{- ternary (printf "%s@%s" $name .digest) (printf "%s:%s" $name (default $.Chart.AppVersion .tag)) (ne .digest "") }}
{{- end }}
{{- end }}

{{- /* The subject of every binding to the operator. */}}
{{- define "watchbill.subject" -}}
- kind: ServiceAccount
  name: {{ include "watchbill.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- /* What the operator may do with what stands in namespaces. */}}
{{- define "watchbill.rules" -}}
- apiGroups: [watchbill.dev]
  resources: [incidents, escalationpolicies, connections, incidentupdates, runbooks, runbookruns]
  verbs: [get, list, watch]
- apiGroups: [watchbill.dev]
  resources:
  - incidents/status
  - escalationpolicies/status
  - connections/status
  - incidentupdates/status
  - runbooks/status
  - runbookruns/status
  verbs: [patch]
# The runs of runbooks that start by themselves, in its own name alone: an admission policy sees to that.
- apiGroups: [watchbill.dev]
  resources: [runbookruns]
  verbs: [create]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{- define "watchbill.crdMetadata" -}}
{{- if or .Values.crds.keep .Values.crds.annotations }}
annotations:
  {{- if .Values.crds.keep }}
  helm.sh/resource-policy: keep
  {{- end }}
  {{- with .Values.crds.annotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
labels:
  {{- include "watchbill.labels" . | nindent 2 }}
{{- end }}
