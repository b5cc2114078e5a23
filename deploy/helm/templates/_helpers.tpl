{{- define "nrr.labels" -}}
app.kubernetes.io/name: nrr
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "nrr.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- /* What every pod is kept from. */ -}}
{{- define "nrr.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "nrr.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- /* Variables that say where each secret's file is. `keys` is the list of them. */ -}}
{{- define "nrr.secretFiles" -}}
{{- range .keys }}
- name: {{ if eq . "proxy" }}NRR_PROXY{{ else }}{{ upper . }}{{ end }}_FILE
  value: /run/secrets/{{ . }}
{{- end }}
{{- end }}

{{- define "nrr.settings" -}}
- {name: NRR_CONFIG, value: /etc/nrr/nrr.toml}
- {name: NRR_LOG_FORMAT, value: json}
{{- range $name, $value := .Values.environment }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- define "nrr.mounts" -}}
- {name: secrets, mountPath: /run/secrets, readOnly: true}
- {name: settings, mountPath: /etc/nrr, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{- /* A pod sees those keys of the Secret that it needs. They are files of a folder, so that a key that is changed reaches a running process. */ -}}
{{- define "nrr.secretVolume" -}}
- name: secrets
  secret:
    secretName: {{ .root.Values.secret }}
    defaultMode: 0440
    items:
    {{- range .keys }}
      - {key: {{ . }}, path: {{ . }}}
    {{- end }}
{{- end }}

{{- define "nrr.volumes" -}}
- name: settings
  configMap: {name: {{ .Release.Name }}-nrr}
- name: tmp
  emptyDir: {medium: Memory, sizeLimit: 256Mi}
{{- end }}
