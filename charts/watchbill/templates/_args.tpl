{{- /* The arguments of the container. What `watchbill run` takes: docs/reference/cli.md. */}}
{{- define "watchbill.args" -}}
- run
{{- $denyPrivate := "--egress-deny-private" }}
{{- $allow := "--egress-allow" }}
- --namespace={{ .Release.Namespace }}
- --service-account={{ include "watchbill.serviceAccount" . }}
- --log-level={{ .Values.logging.level }}
- --overdue-after={{ .Values.overdueAfter }}
- --heartbeat-interval={{ .Values.heartbeat.interval }}
{{- range .Values.watchNamespaces }}
- --watch-namespace={{ . }}
{{- end }}
{{- with .Values.lastResort }}
- --last-resort={{ . }}
{{- end }}
{{- with .Values.testPage }}
{{- if .connection }}
- --test-page-connection={{ .connection }}
- --test-page-every={{ .every }}
{{- end }}
{{- end }}
{{- with .Values.egress }}
{{- if .denyPrivate }}
- {{ $denyPrivate }}
{{- range .allow }}
- {{ $allow }}={{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}
